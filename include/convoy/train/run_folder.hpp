#pragma once
// The folder of a run: who may write there.
#include <filesystem>
#include <string>

#pragma GCC visibility push(default)

namespace convoy {

/// What to do about a run that is in the folder already.
enum class ExistingRun { refuse, resume, overwrite };

/// Holds the folder of a run for this process (a lock on DIR/.lock) until destruction.
class RunFolder {
 public:
  /// Makes the folder if need be. Throws InputError when another process trains there, or when a
  /// run is there and `existing` says refuse; IoError when it cannot be written to. overwrite
  /// removes the earlier run's files only.
  RunFolder(const std::filesystem::path& folder, ExistingRun existing);
  ~RunFolder();
  RunFolder(const RunFolder&) = delete;
  RunFolder& operator=(const RunFolder&) = delete;
  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
  int lock_ = -1;
};

/// runs/<name>, or runs/<name>-2, -3, ... if there is a run already. `name` is made safe as a file
/// name.
std::filesystem::path default_run_folder(const std::string& name);

}  // namespace convoy

#pragma GCC visibility pop
