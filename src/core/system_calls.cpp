#include "core/system_calls.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>

#include "core/fault.hpp"

namespace convoy::system_call {
namespace {

// Whether the plan lets a call fail, errno set; does not return where it crashes.
bool fails(FaultPoint point, const std::filesystem::path& path) {
  const auto fault = fault_at(point, path.native());
  if (!fault) return false;
  if (fault->kind == Fault::Kind::crash) crash();
  errno = fault->error;
  return true;
}

}  // namespace

int open(const std::filesystem::path& path, int flags, mode_t mode) {
  if (fails(FaultPoint::open, path)) return -1;
  return ::open(path.c_str(), flags, mode);
}

ssize_t write(int fd, std::span<const std::byte> bytes, const std::filesystem::path& path) {
  const auto fault = fault_at(FaultPoint::write, path.native());
  if (!fault) [[likely]]
    return ::write(fd, bytes.data(), bytes.size());
  if (fault->kind == Fault::Kind::error) {
    errno = fault->error;
    return -1;
  }
  const bool crashes = fault->kind == Fault::Kind::crash;
  const std::uint64_t part =
      std::min<std::uint64_t>(fault->at.value_or(bytes.size() / 2), bytes.size());
  bytes = bytes.first(
      crashes ? part : std::max<std::uint64_t>(part, std::min<std::size_t>(1, bytes.size())));
  if (!crashes) return ::write(fd, bytes.data(), bytes.size());
  while (!bytes.empty()) {
    const ssize_t written = ::write(fd, bytes.data(), bytes.size());
    if (written <= 0) break;
    bytes = bytes.subspan(static_cast<std::size_t>(written));
  }
  crash();
}

int sync(int fd, const std::filesystem::path& path) {
  if (fails(FaultPoint::sync, path)) return -1;
  int result = 0;
  do {
    result = ::fsync(fd);
  } while (result != 0 && errno == EINTR);
  return result;
}

int rename(const std::filesystem::path& from, const std::filesystem::path& to) {
  if (fails(FaultPoint::rename, to)) return -1;
  return ::rename(from.c_str(), to.c_str());
}

int close(int fd, const std::filesystem::path& path) {
  const bool failed = fails(FaultPoint::close, path);
  const int error = errno;
  const int result = ::close(fd);
  if (!failed) return result;
  errno = error;
  return -1;
}

}  // namespace convoy::system_call
