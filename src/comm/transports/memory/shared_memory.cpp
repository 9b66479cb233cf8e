#include "comm/transports/memory/shared_memory.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

#include "convoy/core/error.hpp"

namespace convoy {
namespace {

[[noreturn]] void fail(const std::string& what) {
  throw IoError(fmt::format("shared memory between workers: {}: {}", what, std::strerror(errno)));
}

}  // namespace

SharedMemory::SharedMemory(int fd, std::size_t bytes)
    : fd_(new int(fd), [](int* open) {
        ::close(*open);
        delete open;
      }) {
  void* memory = ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  if (memory == MAP_FAILED) fail(fmt::format("cannot map {} bytes", bytes));
  data_ = std::shared_ptr<std::byte>(static_cast<std::byte*>(memory),
                                     [bytes](std::byte* mapped) { ::munmap(mapped, bytes); });
}

SharedMemory SharedMemory::create(std::size_t bytes) {
  const int fd = ::memfd_create("convoy", MFD_CLOEXEC);
  if (fd < 0) fail("memfd_create");
  if (::ftruncate(fd, static_cast<off_t>(bytes)) != 0) {
    ::close(fd);
    fail(fmt::format("cannot make {} bytes", bytes));
  }
  return {fd, bytes};
}

std::optional<SharedMemory> SharedMemory::open(pid_t pid, int theirs, std::size_t bytes) {
  const std::string path = fmt::format("/proc/{}/fd/{}", pid, theirs);
  const int fd = ::open(path.c_str(), O_RDWR | O_CLOEXEC);
  constexpr std::array own_troubles = {EACCES, EPERM, EMFILE, ENFILE, ENOMEM};
  if (fd < 0) {
    if (std::find(own_troubles.begin(), own_troubles.end(), errno) != own_troubles.end())
      fail(fmt::format("cannot open that of process {}", pid));
    return std::nullopt;
  }
  struct stat status {};
  if (::fstat(fd, &status) != 0 || status.st_size != static_cast<off_t>(bytes)) {
    ::close(fd);
    return std::nullopt;
  }
  return SharedMemory(fd, bytes);
}

}  // namespace convoy
