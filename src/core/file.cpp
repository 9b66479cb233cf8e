#include "convoy/core/file.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <cerrno>
#include <cstring>
#include <utility>

#include "convoy/core/error.hpp"
#include "core/descriptor.hpp"
#include "core/system_calls.hpp"

namespace convoy {
namespace {

constexpr std::string_view temporary_mark = ".tmp-";

[[noreturn]] void fail(const std::filesystem::path& path, std::string_view action, int error) {
  throw IoError(fmt::format("{}: cannot {}: {}", path.string(), action, std::strerror(error)));
}

void write_all(int fd, std::span<const std::byte> content, const std::filesystem::path& path) {
  while (!content.empty()) {
    const ssize_t written = system_call::write(fd, content, path);
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) fail(path, "write", errno);
    if (written == 0) fail(path, "write", EIO);
    content = content.subspan(static_cast<std::size_t>(written));
  }
}

void sync_directory(const std::filesystem::path& directory) {
  Descriptor fd(::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (fd.get() < 0 || system_call::sync(fd.get(), directory) != 0)
    fail(directory, "sync the directory", errno);
}

std::filesystem::path parent_of(const std::filesystem::path& path) {
  return path.has_parent_path() ? path.parent_path() : ".";
}

bool is_temporary(const std::string& name) {
  const std::size_t mark = name.rfind(temporary_mark);
  if (mark == std::string::npos) return false;
  const std::string_view number = std::string_view(name).substr(mark + temporary_mark.size());
  return !number.empty() &&
         std::all_of(number.begin(), number.end(), [](unsigned char c) { return std::isdigit(c); });
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

void write_file_atomically(const std::filesystem::path& path,
                           std::span<const std::span<const std::byte>> parts) {
  const std::filesystem::path temporary =
      fmt::format("{}{}{}", path.string(), temporary_mark, ::getpid());
  try {
    Descriptor fd(
        system_call::open(temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, /*mode=*/0644));
    if (fd.get() < 0) fail(path, "create", errno);
    for (const auto& part : parts) write_all(fd.get(), part, path);
    if (system_call::sync(fd.get(), path) != 0) fail(path, "sync", errno);
    if (system_call::close(fd.release(), path) != 0) fail(path, "close", errno);
    if (system_call::rename(temporary, path) != 0) fail(path, "rename into place", errno);
  } catch (...) {
    ::unlink(temporary.c_str());
    throw;
  }
  sync_directory(parent_of(path));
}

void write_file_atomically(const std::filesystem::path& path, std::span<const std::byte> content) {
  write_file_atomically(path, std::span(&content, 1));
}

void write_file_atomically(const std::filesystem::path& path, std::string_view content) {
  write_file_atomically(path, std::as_bytes(std::span(content.data(), content.size())));
}

void make_directories(const std::filesystem::path& directory) {
  std::error_code error;
  if (directory.empty() || std::filesystem::is_directory(directory, error)) return;
  const std::filesystem::path parent = parent_of(directory);
  if (parent != directory) make_directories(parent);
  if (!std::filesystem::create_directory(directory, error) && error)
    fail(directory, "create the directory", error.value());
  sync_directory(parent);
}

void remove_unfinished_writes(const std::filesystem::path& directory) {
  std::error_code ignored;
  for (const auto& entry : std::filesystem::directory_iterator(directory, ignored)) {
    if (is_temporary(entry.path().filename().string()) && entry.is_regular_file(ignored))
      std::filesystem::remove(entry.path(), ignored);
  }
}

std::string read_text_file(const std::filesystem::path& path) {
  return std::string(MappedFile(path).text());
}

void require_writable_directory(const std::filesystem::path& directory) {
  make_directories(directory);
  const auto probe = directory / fmt::format(".writable-{}", ::getpid());
  Descriptor fd(::open(probe.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
  if (fd.get() < 0) fail(directory, "write into the directory", errno);
  ::unlink(probe.c_str());
}

}  // namespace convoy
