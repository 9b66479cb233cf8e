#pragma once
// Looking at the files of checkpoints without loading them.
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "checkpoint/metric.hpp"

#pragma GCC visibility push(default)  // not public: the command, a library of its own, calls it

namespace convoy {

/// The step in a checkpoint's file name; nothing for other files.
std::optional<std::int64_t> checkpoint_step(const std::filesystem::path& path);

bool is_shard(const std::filesystem::path& path);

/// The folder of checkpoints that `place` means: a run's folder, or that of its checkpoints.
/// Throws InputError saying what is wrong with it when there are none.
std::filesystem::path checkpoints_folder(const std::filesystem::path& place);

/// Size on disk of a checkpoint and of the shards beside it that have its step's name.
std::uint64_t checkpoint_bytes(const std::filesystem::path& path);

/// What a checkpoint says of itself.
struct CheckpointInfo {
  std::filesystem::path path;
  std::int64_t step = 0;
  std::uint64_t bytes = 0;  ///< shards included
  std::optional<CheckpointMetric> metric;
  double seconds = 0;  ///< of training until then
  std::size_t shards = 0;
  std::string problem;  ///< its header cannot be read; then only path, step and bytes are known
};
/// Reads the header alone.
CheckpointInfo describe_checkpoint(const std::filesystem::path& path);

/// What was found out about one file.
struct CheckedFile {
  std::filesystem::path path;
  std::uint64_t bytes = 0;
  std::size_t tensors = 0;
  std::string problem;  ///< one line that names the file, the byte, and the tensor; empty: whole
};
/// Compares every checksum: of the checkpoint, then of its shards, a missing one included; or of
/// the one shard that `path` is.
std::vector<CheckedFile> verify_checkpoint(const std::filesystem::path& path);

}  // namespace convoy

#pragma GCC visibility pop
