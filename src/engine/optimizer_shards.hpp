#pragma once
// Optimizer state as its owners keep it (ZeRO stage 1, Rajbhandari et al. 2020): each worker has
// that of its own blocks only, one after the other.
#include <string>
#include <vector>

#include "convoy/checkpoint/checkpoint.hpp"
#include "engine/blocks.hpp"

namespace convoy {

/// What worker `owner` keeps of a state that is laid out as the flat weights are. All tensors here
/// are ones of `device`.
torch::Tensor compact_state(const Compute& device, const std::vector<Block>& blocks, int owner,
                            const torch::Tensor& flat);

/// The reverse: fills in the owner's elements of `flat`.
void expand_state(const Compute& device, const std::vector<Block>& blocks, int owner,
                  const torch::Tensor& compact, torch::Tensor& flat);

/// A worker's part of a checkpoint. `states`: its compact arrays.
Shard make_shard(const std::vector<Block>& blocks, const FlatParameters& weights, int owner,
                 const std::vector<torch::Tensor>& states);

/// For a worker that does not see the folder: a shard but for its tensors' elements as text, one of
/// the same sizes, and its tensors in order.
std::string describe_shard(const Shard& shard);
Shard shard_like(const std::string& description);
std::vector<torch::Tensor> tensors_of(const Shard& shard);

}  // namespace convoy
