#pragma once
// The cache folder: what was fetched from elsewhere, packages and files.
#include <filesystem>
#include <functional>
#include <string>
#include <string_view>

namespace convoy {

/// $CONVOY_CACHE, else $XDG_CACHE_HOME/convoy, else ~/.cache/convoy; need not exist. Throws
/// InputError when none of the variables is set.
std::filesystem::path cache_directory();

/// Creates the folder and proves that a file can be written there. Throws IoError, which says how
/// to use another cache.
void require_writable_cache(const std::filesystem::path& folder);

/// Keeps others, processes and threads, from fetching the same thing meanwhile; waits while one
/// does. The kernel gives the lock up with its process, however that ends. The file stays: were it
/// removed, one could lock the old file while another locks a new one. It holds why the last
/// attempt failed, so that those who waited for it need not try one after the other.
class CacheLock {
 public:
  /// `source`: what is fetched, for the line that says so where the wait takes longer. Throws
  /// IoError.
  CacheLock(const std::filesystem::path& file, const std::string& source);
  ~CacheLock();
  CacheLock(const CacheLock&) = delete;
  CacheLock& operator=(const CacheLock&) = delete;

  bool waited() const { return waited_; }

  /// Calls `fetch`, or throws InputError with what its last attempt threw if this one waited for
  /// that.
  void fetch_once(const std::function<void()>& fetch) const;

 private:
  std::string failure() const;
  void leave_failure(std::string_view text) const;

  int descriptor_;
  bool waited_ = false;
};

}  // namespace convoy
