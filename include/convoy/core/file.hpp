#pragma once
// Files: mapped for reading, replaced atomically when written.
#include <cstddef>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <string_view>

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

/// Replaces `path` with `content` so that a reader, or a crash at any moment, sees the old file or
/// the new one and never a mixture: writes `path.tmp-<pid>`, fsync, rename, fsync of the directory.
/// Throws IoError naming the path.
void write_file_atomically(const std::filesystem::path& path, std::span<const std::byte> content);
void write_file_atomically(const std::filesystem::path& path, std::string_view content);

/// The whole file as text. Throws DataError when it cannot be read.
std::string read_text_file(const std::filesystem::path& path);

/// Creates the directory (and parents) and proves that a file can be written there. Throws IoError
/// otherwise.
void require_writable_directory(const std::filesystem::path& directory);

}  // namespace convoy
