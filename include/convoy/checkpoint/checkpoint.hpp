#pragma once
// Durable, checksummed training state.
//
// A file is: "CONVOYC1", a little-endian u64 header size, the header (JSON: meta, and of each
// tensor its name, type, shape, byte offset, XXH3), the header's XXH3 as u64, then the tensors'
// bytes. Files are replaced atomically; a flipped bit or a truncated file is recognised.
#include <filesystem>
#include <nlohmann/json.hpp>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "convoy/core/tensor.hpp"

#pragma GCC visibility push(default)

namespace convoy {

/// What a checkpoint holds.
struct CheckpointState {
  std::int64_t step = 0;                                       ///< steps completed
  std::vector<std::pair<std::string, torch::Tensor>> tensors;  ///< dense, on the CPU
  nlohmann::ordered_json meta;  ///< what else is needed to go on, and to recognise the job
};

/// Bytes of a state, and back. parse throws InputError saying what is wrong and at which byte;
/// never trusts a size.
std::string serialise(const CheckpointState& state);
CheckpointState parse_state(std::span<const std::byte> bytes, const std::string& name);

/// One worker's part of the optimizer state, where each keeps only its own.
struct Shard {
  struct Piece {
    std::string parameter;
    std::int64_t begin = 0;  ///< first element within the parameter
    std::int64_t count = 0;
    std::int64_t at = 0;  ///< first element within each of `arrays`
  };
  std::vector<Piece> pieces;
  std::vector<torch::Tensor> arrays;  ///< float32, one for each state of the optimizer
  /// What is this worker's alone, by name: tensors "worker<k>/<name>" of the joined state, where k
  /// is the shard's place among those of the checkpoint.
  std::vector<std::pair<std::string, torch::Tensor>> own;
};

/// What a checkpoint says of a shard that belongs to it.
struct ShardFile {
  std::string name;
  std::uint64_t xxh3 = 0;
};

/// The checkpoints of one run: `step-<number>.checkpoint` files in one folder; beside them, where
/// several workers wrote it, `step-<number>.shard-<k>-of-<n>`. Used by one thread at a time.
class CheckpointStore {
 public:
  /// The `keep` >= 1 newest are kept, the best, and those of steps that are multiples of
  /// `keep_every` (0: none). The folder is made at the first save.
  CheckpointStore(std::filesystem::path folder, std::int64_t keep, std::int64_t keep_every = 0);

  /// Whether pruning leaves the checkpoint of `step` alone for ever.
  bool keeps_forever(std::int64_t step) const;

  /// Writes the state and removes what need not be kept. Throws IoError (disk full, read-only);
  /// older checkpoints stay.
  std::filesystem::path save(const CheckpointState& state,
                             const std::vector<ShardFile>& shards = {});

  /// Writes shard `number` of `of` for the checkpoint of `step`, to be followed by a save of the
  /// state with all shards in `shards`: until then it is no checkpoint. Several processes may do it
  /// at once, for different numbers.
  ShardFile save_shard(const Shard& shard, std::int64_t step, int number, int of);

  /// A checkpoint's metric value decides the best: `meta.best_metric {name, value,
  /// higher_is_better}` where present.
  std::optional<std::filesystem::path> best() const;

  /// All files, newest first.
  std::vector<std::filesystem::path> list() const;

  struct Loaded {
    CheckpointState state;
    std::filesystem::path path;
    std::vector<std::string>
        damaged;  ///< one line for each newer checkpoint that could not be used
  };
  /// The newest checkpoint that is whole, of those of steps up to `max_step`; nothing if there is
  /// none. Throws InputError if there are some, all damaged.
  std::optional<Loaded> load_newest(std::optional<std::int64_t> max_step = std::nullopt) const;

  /// One file, and the shards that belong to it: the state is the same as if it had been saved
  /// whole. Throws InputError when it or a shard is damaged or missing.
  /// Without `with_shards` the optimizer's state that shards hold is left out, and they need not be
  /// there.
  static CheckpointState load(const std::filesystem::path& path, bool with_shards = true);

 private:
  void make_folder() const;
  void prune(const std::filesystem::path& newest);
  void remove_leftovers() const;

  std::filesystem::path folder_;
  std::int64_t keep_;
  std::int64_t keep_every_;
};

}  // namespace convoy

#pragma GCC visibility pop
