#pragma once
// From a path of a job to files.
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "data/sources/checked_files.hpp"

namespace convoy {

/// A file and, where it is an archive of arrays, which one of them is meant; empty: the only one.
struct Location {
  std::filesystem::path file;
  std::string array = {};
  std::string name = {};  ///< for messages; empty: the file's path
};

/// One file, or several that are read as one.
struct Located {
  std::string name;  ///< for messages
  std::vector<Location> files;
};

/// Finds the files that a path of the job stands for.
using Resolve = std::function<Located(const std::string&)>;

/// Splits `FILE#NAME`, where FILE is a file that is there, a folder of prepared data, a pattern
/// that fits one, or has a name that only archives have. A path that exists as it is stays as it
/// is, '#' included. Of several
/// '#' the last one that fits counts.
Location split_location(const std::filesystem::path& path);

/// Whether the path, with or without '#NAME', names or matches a file that is there.
bool is_there(const std::filesystem::path& path);

/// The file at the path, or the files that match it if it is a pattern (data/sources/glob), each
/// opened through `files`. A folder of nothing but parts of a table (FormatKind::parts) is all of
/// them. Throws InputError when nothing matches; DataError as CheckedFiles::open.
Located locate(const std::filesystem::path& path, CheckedFiles& files);

}  // namespace convoy
