#include "convoy/core/file.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "convoy/core/error.hpp"
#include "core/descriptor.hpp"

namespace convoy {
namespace {

[[noreturn]] void fail(const std::filesystem::path& path, std::string_view action, int error) {
  throw IoError(fmt::format("{}: cannot {}: {}", path.string(), action, std::strerror(error)));
}

void write_all(int fd, std::span<const std::byte> content, const std::filesystem::path& path) {
  while (!content.empty()) {
    const ssize_t written = ::write(fd, content.data(), content.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) fail(path, "write", errno);
    content = content.subspan(static_cast<std::size_t>(written));
  }
}

void sync_directory(const std::filesystem::path& directory) {
  Descriptor fd(::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (fd.get() < 0 || ::fsync(fd.get()) != 0) fail(directory, "sync the directory", errno);
}

}  // namespace

MappedFile::MappedFile(const std::filesystem::path& path) {
  Descriptor fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (fd.get() < 0)
    throw DataError(path.string(), fmt::format("cannot open: {}", std::strerror(errno)));
  struct stat status {};
  if (::fstat(fd.get(), &status) != 0) throw DataError(path.string(), std::strerror(errno));
  if (!S_ISREG(status.st_mode)) throw DataError(path.string(), "is not a regular file");
  size_ = static_cast<std::size_t>(status.st_size);
  if (size_ == 0) return;
  void* address = ::mmap(nullptr, size_, PROT_READ, MAP_SHARED, fd.get(), 0);
  if (address == MAP_FAILED)
    throw DataError(path.string(), fmt::format("cannot map: {}", std::strerror(errno)));
  data_ = std::shared_ptr<const std::byte>(
      static_cast<const std::byte*>(address),
      [size = size_](const std::byte* p) { ::munmap(const_cast<std::byte*>(p), size); });
}

void write_file_atomically(const std::filesystem::path& path, std::span<const std::byte> content) {
  const std::filesystem::path temporary = fmt::format("{}.tmp-{}", path.string(), ::getpid());
  try {
    Descriptor fd(::open(temporary.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644));
    if (fd.get() < 0) fail(path, "create", errno);
    write_all(fd.get(), content, path);
    if (::fsync(fd.get()) != 0) fail(path, "sync", errno);
    if (fd.close() != 0) fail(path, "close", errno);
    if (::rename(temporary.c_str(), path.c_str()) != 0) fail(path, "rename into place", errno);
  } catch (...) {
    ::unlink(temporary.c_str());
    throw;
  }
  sync_directory(path.has_parent_path() ? path.parent_path() : ".");
}

void write_file_atomically(const std::filesystem::path& path, std::string_view content) {
  write_file_atomically(path, std::as_bytes(std::span(content.data(), content.size())));
}

std::string read_text_file(const std::filesystem::path& path) {
  return std::string(MappedFile(path).text());
}

void require_writable_directory(const std::filesystem::path& directory) {
  std::error_code error;
  std::filesystem::create_directories(directory, error);
  if (error) fail(directory, "create the directory", error.value());
  const auto probe = directory / fmt::format(".writable-{}", ::getpid());
  Descriptor fd(::open(probe.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
  if (fd.get() < 0) fail(directory, "write into the directory", errno);
  ::unlink(probe.c_str());
}

}  // namespace convoy
