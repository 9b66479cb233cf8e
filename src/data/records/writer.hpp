#pragma once
// Writes a folder of prepared data, so that it is there whole or not at all.
#include <filesystem>
#include <memory>
#include <optional>
#include <span>

#include "convoy/data/integrity/manifest.hpp"
#include "core/descriptor.hpp"
#include "core/temporary_folder.hpp"
#include "data/records/layout.hpp"

namespace convoy {

/// Writes the records of a part to shards, some megabytes at a time.
class RecordWriter {
 public:
  /// `part`: its fields, laid out; samples and shards are filled in. Below `folder`; the files'
  /// checksums are added to `manifest`. `shard_bytes`: of a shard at most, if that is a record.
  RecordWriter(const std::filesystem::path& folder, RecordPart& part, std::uint64_t shard_bytes,
               Manifest& manifest);

  /// Whole records. Throws IoError.
  void add(std::span<const std::byte> records);

  /// After the last record: what was written is on the disk. Throws IoError.
  void finish();

 private:
  void open_shard();
  void close_shard();
  void append(std::span<const std::byte> bytes);
  void flush_chunk();
  void write(std::span<const std::byte> bytes);
  void seek(std::uint64_t at);

  std::filesystem::path folder_;
  std::filesystem::path file_;
  RecordPart& part_;
  Manifest& manifest_;
  std::optional<Descriptor> descriptor_;
  std::vector<std::byte> chunk_;
  std::vector<std::byte> first_;  // the shard's first chunk, whose header is known at its end
  ManifestFile entry_;
  std::int64_t shard_samples_ = 0;
};

/// A folder under construction. Nothing is in its place until `commit`.
class RecordFolder {
 public:
  /// Throws InputError when there is something at `target` that is not to be replaced: anything,
  /// or with `replace` anything but prepared data; IoError when nothing can be written there.
  RecordFolder(std::filesystem::path target, bool replace);

  std::unique_ptr<RecordWriter> add_part(RecordPart& part, std::uint64_t shard_bytes);

  /// Writes index and manifest and moves the folder into its place. Throws IoError.
  void commit(const RecordIndex& index);

 private:
  std::filesystem::path target_;
  bool replace_ = false;
  std::optional<TemporaryFolder> temporary_;
  std::filesystem::path fresh_;
  Manifest manifest_;
};

}  // namespace convoy
