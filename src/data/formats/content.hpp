#pragma once
// A file's bytes, whatever it is stored as.
#include <cstddef>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "convoy/data/formats/formats.hpp"

namespace convoy {

/// Mapped, or unpacked into memory when the file is compressed with gzip or zstd (by content, not
/// by name).
struct Content {
  std::string name;  ///< for messages
  std::span<const std::byte> bytes;
  std::shared_ptr<const void> owner;
  std::string array = {};  ///< which array of an archive is meant; empty: the only one
  bool mapped = true;      ///< `bytes` are the file's own
  std::string_view text() const {
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
  }
};

/// Throws DataError when the file cannot be read.
Content read_content(const std::filesystem::path& path, std::string array = {});

enum class Format {
  idx,
  npy,
  npz,
  hdf5,
  pt,
  csv,
  tsv,
  jsonl,
  libsvm,
  cifar10,
  cifar100,
  parquet,
  arrow
};

/// "NPZ", for messages.
std::string_view name_of(Format format);

/// IDX, NPY, NPZ, HDF5 or PT.
bool is_array(Format format);

/// Parquet or Arrow: tables whose columns have names and types.
bool is_columnar(Format format);

/// CIFAR-10 or CIFAR-100.
bool is_cifar(Format format);

/// LIBSVM or CIFAR: features and target together, and no columns.
bool holds_labels(Format format);

/// A file of arrays, or the array that is meant of an archive. Throws InputError / DataError.
Array parse_array(const Content& content, Format format);

/// What an archive holds; nothing for a file of another format. Throws DataError.
std::vector<std::string> array_names(const Content& content, Format format);

/// From `format` (the job's data.format) or, for "auto", from the file's name and content. Throws
/// DataError when neither tells, InputError when an array is named in what is no archive.
Format detect_format(const Content& content, const std::string& format);

}  // namespace convoy
