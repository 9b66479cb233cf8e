#pragma once
// The parts of a checkpoint that several workers wrote.
#include "convoy/checkpoint/checkpoint.hpp"

namespace convoy {

constexpr std::string_view shard_mark = ".shard-";

/// A shard as the file format has it: array k is the tensor "optimizer<k>", the pieces are in meta.
CheckpointState state_of(const Shard& shard, std::int64_t step);

nlohmann::ordered_json to_json(const std::vector<ShardFile>& shards);

/// If the checkpoint at `path` has shards: reads them, and adds the tensors
/// "optimizer<k>/<parameter>" that they hold pieces of, and each worker's own. Throws InputError
/// naming a shard that is missing, damaged or of another checkpoint.
void join_shards(CheckpointState& state, const std::filesystem::path& path);

}  // namespace convoy
