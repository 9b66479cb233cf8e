#include "data/sources/cache.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <thread>

#include "convoy/core/error.hpp"
#include "convoy/core/file.hpp"

namespace convoy {

namespace fs = std::filesystem;

fs::path cache_directory() {
  const auto variable = [](const char* name) -> std::string {
    const char* value = std::getenv(name);
    return value ? value : "";
  };
  if (const std::string cache = variable("CONVOY_CACHE"); !cache.empty())
    return fs::absolute(cache);
  if (const std::string cache = variable("XDG_CACHE_HOME"); !cache.empty())
    return fs::absolute(cache) / "convoy";
  if (const std::string home = variable("HOME"); !home.empty())
    return fs::absolute(home) / ".cache/convoy";
  throw InputError(
      "there is no place for a cache: HOME is not set; set CONVOY_CACHE to a directory");
}

void require_writable_cache(const fs::path& folder) {
  try {
    require_writable_directory(folder);
  } catch (const IoError& error) {
    throw IoError(
        fmt::format("{}; set CONVOY_CACHE to a folder that can be written", error.what()));
  }
}

CacheLock::CacheLock(const fs::path& file, const std::string& source)
    : descriptor_(::open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644)) {
  if (descriptor_ < 0)
    throw IoError(fmt::format("{}: cannot create: {}", file.string(), std::strerror(errno)));
  if (::flock(descriptor_, LOCK_EX | LOCK_NB) == 0) return;
  waited_ = errno == EWOULDBLOCK;
  // Whoever only asks whether its copy is still the newest is done in a moment.
  constexpr int short_waits = 20;
  for (int i = 0; waited_ && i < short_waits; ++i) {
    std::this_thread::sleep_for(std::chrono::milliseconds(25));
    if (::flock(descriptor_, LOCK_EX | LOCK_NB) == 0) return;
  }
  if (waited_) fmt::print(stderr, "waiting for another to fetch {} ...\n", source);
  // A file system without locks: several may download, and the first to rename wins.
  while (::flock(descriptor_, LOCK_EX) != 0 && errno == EINTR) continue;
}

CacheLock::~CacheLock() {
  ::close(descriptor_);
}

std::string CacheLock::failure() const {
  char text[1024];
  const ssize_t size = waited_ ? ::pread(descriptor_, text, sizeof text, 0) : 0;
  return {text, static_cast<std::size_t>(std::max<ssize_t>(size, 0))};
}

// Best effort: without it the others try for themselves.
void CacheLock::leave_failure(std::string_view text) const {
  if (::ftruncate(descriptor_, 0) != 0) return;
  [[maybe_unused]] const ssize_t written = ::pwrite(descriptor_, text.data(), text.size(), 0);
}

void CacheLock::fetch_once(const std::function<void()>& fetch) const {
  if (const std::string text = failure(); !text.empty()) throw InputError(text);
  leave_failure("");
  try {
    fetch();
  } catch (const std::exception& error) {
    leave_failure(error.what());
    throw;
  }
}

}  // namespace convoy
