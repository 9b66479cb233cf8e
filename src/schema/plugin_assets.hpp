#pragma once
// The files of examples/plugin, built into the library by cmake/embed.cmake.
#include <string_view>

namespace convoy::plugin_assets {

extern const std::string_view cmake_lists;
extern const std::string_view source;
extern const std::string_view test;
extern const std::string_view job;
extern const std::string_view data;
extern const std::string_view readme;

}  // namespace convoy::plugin_assets
