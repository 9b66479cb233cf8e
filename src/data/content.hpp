#pragma once
// A file's bytes, whatever it is stored as.
#include <cstddef>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <string_view>

namespace convoy {

/// Mapped, or unpacked into memory when the file is compressed with gzip or zstd (by content, not
/// by name).
struct Content {
  std::string name;  ///< for messages
  std::span<const std::byte> bytes;
  std::shared_ptr<const void> owner;
  std::string_view text() const {
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
  }
};

/// Throws DataError when the file cannot be read.
Content read_content(const std::filesystem::path& path);

enum class Format { idx, npy, csv, tsv, jsonl, libsvm };

/// IDX or NPY.
bool is_array(Format format);

/// An IDX or NPY file.
Array parse_array(const Content& content, Format format);

/// From `format` (the job's data.format) or, for "auto", from the file's name and content. Throws
/// DataError when neither tells.
Format detect_format(const Content& content, const std::string& format);

}  // namespace convoy
