#pragma once
// The parts of the report's page and of that about data, built into the library by
// cmake/embed.cmake.
#include <string_view>

#pragma GCC visibility push(default)  // not public: the command, a library of its own, calls it

namespace convoy::page {

extern const std::string_view skeleton;
extern const std::string_view style;
extern const std::string_view script;
extern const std::string_view charts;
extern const std::string_view details;
extern const std::string_view timeline;
extern const std::string_view data_skeleton;
extern const std::string_view data_script;
extern const std::string_view uplot_style;
extern const std::string_view uplot_script;
extern const std::string_view uplot_licence;

}  // namespace convoy::page

#pragma GCC visibility pop
