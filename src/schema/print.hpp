#pragma once
#include <string>

#include "convoy/schema/schema.hpp"

namespace convoy::schema {

/// What `root` describes as YAML, every key with its value.
std::string print(const Describe& root);

}  // namespace convoy::schema
