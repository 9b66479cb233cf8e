#include "data/sources/checked_files.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "convoy/core/error.hpp"
#include "data/formats/csv_lexer.hpp"
#include "data/sources/glob.hpp"
#include "data/sources/package.hpp"

namespace convoy {
namespace {

namespace fs = std::filesystem;

/// Files up to this size are read whole in every mode: from the page cache that takes some 70 ms
/// for the largest, and from a disk they have to come anyway.
constexpr std::uint64_t always_read = 256 << 20;

/// How much would be read along with a file: of prepared data it is all shards together.
std::uint64_t read_along(const Manifest& manifest, const ManifestFile& file) {
  constexpr std::string_view shard_ending = ".records";
  if (!file.path.ends_with(shard_ending)) return file.bytes;
  std::uint64_t bytes = 0;
  for (const ManifestFile& other : manifest.files)
    bytes += other.path.ends_with(shard_ending) ? other.bytes : 0;
  return bytes;
}

/// Whether a path below a folder fits patterns, one for each of its parts.
bool fits(const fs::path& path, const std::vector<std::string>& patterns) {
  std::size_t at = 0;
  for (const fs::path& part : path) {
    if (at == patterns.size() || !glob_matches(patterns[at++], part.string())) return false;
  }
  return at == patterns.size();
}

}  // namespace

CheckedFiles::CheckedFiles(const std::string& mode)
    : on_(mode != "false"), thorough_(mode == "true") {
  if (mode != "auto" && mode != "true" && mode != "false")
    throw InputError(fmt::format("data.verify: {}: write auto, true or false", in_quotes(mode)));
}

fs::path CheckedFiles::open(const fs::path& file) {
  if (!on_ || fs::is_directory(file)) return file;  // its files are opened one by one
  const fs::path folder = folder_of_manifest(file);
  if (folder.empty()) return file;
  const std::string path =
      fs::absolute(file).lexically_normal().lexically_relative(folder).generic_string();
  const Manifest& manifest = manifest_of(folder);
  const ManifestFile* const entry = manifest.find(path);
  if (!entry) {
    if (!thorough_) return file;  // put there later
    throw DataError(file.string(), fmt::format("is not in {}; if it belongs there, write the "
                                               "manifest anew (`convoy data manifest {}`)",
                                               (folder / manifest_name).string(), folder.string()));
  }
  const bool checksums = thorough_ || read_along(manifest, *entry) <= always_read;
  if (const auto problem = check_file(folder, *entry, checksums)) repair(folder, *problem);
  return file;
}

std::vector<fs::path> CheckedFiles::matching(const fs::path& pattern) {
  std::vector<fs::path> found = glob(pattern);
  const GlobParts parts = split_glob(pattern);
  const fs::path folder = on_ ? folder_of_manifest(parts.folder / manifest_name) : fs::path();
  if (folder.empty() || parts.patterns.empty()) return found;
  const fs::path below = fs::absolute(parts.folder).lexically_normal();
  for (const ManifestFile& file : manifest_of(folder).files) {
    const fs::path rest = (folder / file.path).lexically_relative(below);
    if (fits(rest, parts.patterns)) found.push_back(parts.folder / rest);
  }
  std::sort(found.begin(), found.end(),
            [](const fs::path& a, const fs::path& b) { return a.native() < b.native(); });
  found.erase(std::unique(found.begin(), found.end()), found.end());
  return found;
}

const Manifest& CheckedFiles::manifest_of(const fs::path& folder) {
  const auto known = manifests_.find(folder);
  if (known != manifests_.end()) return known->second;
  Manifest manifest;
  try {
    manifest = read_manifest(folder);
  } catch (const DataError& damaged) {
    const auto source = package_of_folder(folder);
    if (!source) {
      throw InputError(
          fmt::format("{}; when the files are known to be good, write it anew "
                      "(`convoy data manifest {}`)",
                      damaged.what(), folder.string()));
    }
    manifest = restore_manifest(folder);
    repaired_.push_back(fmt::format("{}; made anew from {}", damaged.what(), *source));
  }
  return manifests_[folder] = std::move(manifest);
}

void CheckedFiles::repair(const fs::path& folder, const FileProblem& found) {
  const std::string name = (folder / found.path).string();
  std::vector<FileProblem> problems{found};
  if (package_of_folder(folder)) {
    repair_folder(folder, manifests_.at(folder), problems);
    const FileProblem& problem = problems[0];
    if (!problem.repaired)
      throw DataError(name, fmt::format("{}; {}", problem.text(), problem.outcome));
    repaired_.push_back(fmt::format("{}: {}; {}", name, problem.text(), problem.outcome));
    return;
  }
  throw DataError(
      name, fmt::format("{}; repair it from a good copy (`convoy data verify {} --repair --from "
                        "COPY`) or, if it was changed on purpose, write the manifest anew (`convoy "
                        "data manifest {}`)",
                        found.text(), folder.string(), folder.string()));
}

}  // namespace convoy
