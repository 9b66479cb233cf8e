#pragma once
// Files: mapped for reading, replaced atomically when written.
#include <cstddef>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#pragma GCC visibility push(default)

namespace convoy {

/// A whole file mapped read-only. Copies share the mapping; it lives as long as the last copy.
/// Thread-safe to read. Throws DataError when the file is missing, a directory or unreadable.
class MappedFile {
 public:
  explicit MappedFile(const std::filesystem::path& path);
  std::span<const std::byte> bytes() const { return {data_.get(), size_}; }
  std::string_view text() const { return {reinterpret_cast<const char*>(data_.get()), size_}; }
  /// Keeps the mapping alive, for views into it.
  std::shared_ptr<const std::byte> owner() const { return data_; }

 private:
  std::shared_ptr<const std::byte> data_;
  std::size_t size_ = 0;
};

/// Replaces `path` with `content` so that a reader, or a crash or power cut at any moment, sees the
/// old file or the new one and never a mixture: writes `path.tmp-<pid>`, fsync, rename, fsync of
/// the directory. Throws IoError naming the path; then the old file is as it was and nothing else
/// is left, but for one case: when only the last sync of the directory fails, the new file is in
/// place and might not outlast a power cut.
void write_file_atomically(const std::filesystem::path& path, std::span<const std::byte> content);
void write_file_atomically(const std::filesystem::path& path, std::string_view content);
/// The same for content that lies in several places.
void write_file_atomically(const std::filesystem::path& path,
                           std::span<const std::span<const std::byte>> parts);

/// Creates the directory and its parents where they are missing, so that they outlast a power cut.
/// Throws IoError.
void make_directories(const std::filesystem::path& directory);

/// Removes from `directory` the files `NAME.tmp-<number>` that write_file_atomically leaves when
/// its process is killed. Only while nobody writes there.
void remove_unfinished_writes(const std::filesystem::path& directory);

/// The whole file as text. Throws DataError when it cannot be read.
std::string read_text_file(const std::filesystem::path& path);

/// Creates the directory (and parents) and proves that a file can be written there. Throws IoError
/// otherwise.
void require_writable_directory(const std::filesystem::path& directory);

}  // namespace convoy

#pragma GCC visibility pop
