#pragma once
// The files of a job, compared with their manifests as they are opened (data.verify).
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include "convoy/data/integrity/manifest.hpp"

namespace convoy {

class CheckedFiles {
 public:
  /// `mode` as data.verify: auto, true or false. Throws InputError for anything else.
  explicit CheckedFiles(const std::string& mode);

  /// Returns `file`, which is then as the manifest of a folder above it says, where there is one.
  /// A damaged or missing file of a cached package, or its manifest, is fetched again. Throws
  /// DataError for one that cannot be repaired.
  std::filesystem::path open(const std::filesystem::path& file);

  /// The files that fit a pattern (data/sources/glob), in the order of their bytes; those of a
  /// manifest too that are not there, which `open` then misses. Nothing is checked.
  std::vector<std::filesystem::path> matching(const std::filesystem::path& pattern);

  /// A line for each file that was repaired.
  const std::vector<std::string>& repaired() const { return repaired_; }

 private:
  const Manifest& manifest_of(const std::filesystem::path& folder);
  void repair(const std::filesystem::path& folder, const FileProblem& problem);

  bool on_ = true;
  bool thorough_ = false;
  std::map<std::filesystem::path, Manifest> manifests_;
  std::vector<std::string> repaired_;
};

}  // namespace convoy
