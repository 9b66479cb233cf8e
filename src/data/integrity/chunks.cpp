#include "data/integrity/chunks.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "convoy/core/error.hpp"
#include "convoy/data/integrity/manifest.hpp"

namespace convoy {
namespace {

namespace fs = std::filesystem;

/// `NAME.tmp-<number>`: left by a write that was killed.
bool is_unfinished_write(const std::string& name) {
  const std::size_t at = name.rfind(".tmp-");
  return at != name.npos && at + 5 < name.size() &&
         name.find_first_not_of("0123456789", at + 5) == name.npos;
}

}  // namespace

ChunkReader::ChunkReader(const fs::path& file)
    : file_(file), descriptor_(::open(file.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK)) {
  if (descriptor_.get() < 0)
    throw DataError(file.string(), fmt::format("cannot open: {}", std::strerror(errno)));
  struct stat status {};
  if (::fstat(descriptor_.get(), &status) != 0)
    throw DataError(file.string(), std::strerror(errno));
  if (!S_ISREG(status.st_mode)) throw DataError(file.string(), "is not a regular file");
  bytes_ = static_cast<std::uint64_t>(status.st_size);
  buffer_.resize(std::min(bytes_ + 1, manifest_chunk_bytes));
}

bool ChunkReader::next() {
  size_ = 0;
  while (size_ < manifest_chunk_bytes) {
    if (size_ == buffer_.size()) buffer_.resize(manifest_chunk_bytes);  // it grew meanwhile
    const ssize_t got = ::read(descriptor_.get(), buffer_.data() + size_, buffer_.size() - size_);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) {
      throw DataError(fmt::format("{}, byte {}", file_.string(), at_ + size_),
                      fmt::format("cannot read: {}", std::strerror(errno)));
    }
    if (got == 0) break;
    size_ += static_cast<std::size_t>(got);
  }
  at_ += size_;
  return size_ > 0;
}

std::vector<std::string> files_below(const fs::path& folder) {
  std::vector<std::string> files;
  std::error_code error;
  fs::recursive_directory_iterator entry(folder, error);
  for (; !error && entry != fs::recursive_directory_iterator(); entry.increment(error)) {
    std::error_code unknown;  // a link that leads nowhere is no file
    if (!entry->is_regular_file(unknown)) continue;
    const std::string name = entry->path().filename().string();
    if (is_unfinished_write(name) || (entry.depth() == 0 && name == manifest_name)) continue;
    files.push_back(entry->path().lexically_relative(folder).generic_string());
  }
  if (error)
    throw DataError(folder.string(), fmt::format("cannot read the folder: {}", error.message()));
  std::sort(files.begin(), files.end());
  return files;
}

}  // namespace convoy
