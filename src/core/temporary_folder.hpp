#pragma once
// A folder that goes away with the object.
#include <filesystem>
#include <string>

#pragma GCC visibility push(default)  // not public: the command, a library of its own, calls it

namespace convoy {

/// Only its owner can look into it. The constructor throws IoError when it cannot be made.
class TemporaryFolder {
 public:
  /// In `parent`, its name beginning with `prefix`.
  explicit TemporaryFolder(
      const std::filesystem::path& parent = std::filesystem::temp_directory_path(),
      const std::string& prefix = "convoy-");
  ~TemporaryFolder();
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

}  // namespace convoy

#pragma GCC visibility pop
