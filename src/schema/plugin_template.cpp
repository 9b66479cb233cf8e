#include "schema/plugin_template.hpp"

#include <fmt/format.h>

#include <string_view>
#include <utility>

#include "convoy/core/error.hpp"
#include "convoy/core/file.hpp"
#include "schema/plugin_assets.hpp"

namespace convoy {

void write_plugin_template(const std::filesystem::path& folder) {
  namespace fs = std::filesystem;
  std::error_code unknown;
  if (fs::exists(folder, unknown) && !fs::is_directory(folder, unknown))
    throw InputError(fmt::format("{}: is not a folder; name one that is new", folder.string()));
  if (fs::is_directory(folder, unknown) && !fs::is_empty(folder, unknown))
    throw InputError(
        fmt::format("{}: has something in it; name a folder that is new", folder.string()));
  make_directories(folder);
  const std::pair<const char*, std::string_view> files[] = {
      {"CMakeLists.txt", plugin_assets::cmake_lists},
      {"plugin.cpp", plugin_assets::source},
      {"test.cmake", plugin_assets::test},
      {"job.yaml", plugin_assets::job},
      {"data.csv", plugin_assets::data},
      {"README.md", plugin_assets::readme}};
  for (const auto& [name, content] : files) write_file_atomically(folder / name, content);
}

}  // namespace convoy
