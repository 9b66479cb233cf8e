#include "data/sources/location.hpp"

#include <fmt/format.h>

#include <optional>

#include "convoy/core/error.hpp"
#include "convoy/data/formats/format.hpp"
#include "convoy/data/integrity/manifest.hpp"
#include "data/formats/record_folder.hpp"
#include "data/sources/glob.hpp"

namespace convoy {
namespace {

bool is_file_there(const std::filesystem::path& path) {
  std::error_code ignored;
  return std::filesystem::exists(path, ignored);
}

bool is_regular(const std::filesystem::path& path) {
  std::error_code ignored;
  return std::filesystem::is_regular_file(path, ignored);
}

bool is_pattern(const std::filesystem::path& path) {
  return !is_file_there(path) && !split_glob(path).patterns.empty();
}

bool matches_any(const std::filesystem::path& path) {
  return is_pattern(path) && !glob(path).empty();
}

bool is_archive_name(const std::string& path) {
  const FormatKind* format = format_of_name(path);
  return format && format->is_archive();
}

/// The pattern of all files of a folder, where they are the parts of one table: files of one
/// ending, as programs write them that write tables in parallel. What begins with '.' or '_' is no
/// part.
std::optional<std::filesystem::path> parts_of_table(const std::filesystem::path& folder) {
  std::error_code problem;
  if (!std::filesystem::is_directory(folder, problem) || is_record_folder(folder))
    return std::nullopt;
  std::string ending;
  for (const auto& entry : std::filesystem::directory_iterator(folder, problem)) {
    const std::string name = entry.path().filename().string();
    if (name.starts_with('.') || name.starts_with('_') || name == manifest_name) continue;
    const FormatKind* format = format_of_name(name);
    const std::string own = entry.path().extension().string();
    const bool part = format && format->parts && entry.is_regular_file(problem);
    if (!part || (!ending.empty() && own != ending)) return std::nullopt;
    ending = own;
  }
  if (ending.empty()) return std::nullopt;
  return folder / ("[!_]*" + ending);
}

}  // namespace

Location split_location(const std::filesystem::path& path) {
  if (is_file_there(path)) return {path};
  const std::string text = path.string();
  const auto split_where = [&](const auto& is_file) -> std::optional<Location> {
    for (std::size_t at = text.rfind('#'); at != std::string::npos && at > 0;
         at = text.rfind('#', at - 1)) {
      const std::string file = text.substr(0, at);
      if (is_file(file)) return Location{file, text.substr(at + 1)};
    }
    return std::nullopt;
  };
  if (const auto found = split_where(is_regular)) return *found;
  if (const auto found = split_where(is_record_folder)) return *found;
  if (const auto found = split_where(matches_any)) return *found;
  return split_where(is_archive_name).value_or(Location{path});
}

bool is_there(const std::filesystem::path& path) {
  const Location location = split_location(path);
  return is_file_there(location.file) || matches_any(location.file);
}

Located locate(const std::filesystem::path& path, CheckedFiles& files) {
  const Location location = split_location(path);
  Located located{path.string(), {}};
  const auto parts = parts_of_table(location.file);
  if (!parts && !is_pattern(location.file)) {
    located.files.push_back({files.open(location.file), location.array});
    return located;
  }
  for (const std::filesystem::path& file : files.matching(parts.value_or(location.file)))
    located.files.push_back({files.open(file), location.array});
  if (located.files.empty()) {
    throw InputError(fmt::format(
        "{}: no file matches; * stands for any text, ? for one character, [a-z] for one "
        "of these",
        location.file.string()));
  }
  return located;
}

}  // namespace convoy
