#pragma once
// Files piece by piece, for checksums. They are read, not mapped: a bad block of the disk is then
// an error and not a signal.
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include "core/descriptor.hpp"

namespace convoy {

/// Chunks of manifest_chunk_bytes, the last one shorter.
class ChunkReader {
 public:
  /// Throws DataError when the file cannot be opened or is not a regular file.
  explicit ChunkReader(const std::filesystem::path& file);

  /// Reads the next chunk. False at the end of the file. Throws DataError naming the byte.
  bool next();
  std::span<const std::byte> chunk() const { return std::span(buffer_).first(size_); }
  /// Of the file when it was opened.
  std::uint64_t bytes() const { return bytes_; }

 private:
  std::filesystem::path file_;
  Descriptor descriptor_;
  std::uint64_t bytes_ = 0;
  std::uint64_t at_ = 0;
  std::size_t size_ = 0;
  std::vector<std::byte> buffer_;
};

/// The regular files below a folder, links to regular files included, the manifest and unfinished
/// writes of files excepted, sorted; with '/'. Throws DataError when a folder cannot be read.
std::vector<std::string> files_below(const std::filesystem::path& folder);

}  // namespace convoy
