// What most tests include, on top of what most sources include.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "../cmake/precompiled.hpp"
