#include "train/sharded_state.hpp"

#include <algorithm>

namespace convoy {

torch::Tensor compact_state(const std::vector<Block>& blocks, int owner,
                            const torch::Tensor& flat) {
  torch::Tensor compact = torch::zeros({state_size(blocks, owner)});
  for (const Block& block : blocks) {
    if (block.owner != owner) continue;
    const float* from = flat.data_ptr<float>() + block.flat_begin;
    std::copy(from, from + block.count, compact.data_ptr<float>() + block.state_begin);
  }
  return compact;
}

void expand_state(const std::vector<Block>& blocks, int owner, const torch::Tensor& compact,
                  torch::Tensor& flat) {
  for (const Block& block : blocks) {
    if (block.owner != owner) continue;
    const float* from = compact.data_ptr<float>() + block.state_begin;
    std::copy(from, from + block.count, flat.data_ptr<float>() + block.flat_begin);
  }
}

Shard make_shard(const std::vector<Block>& blocks, const SharedWeights& weights, int owner,
                 const std::vector<torch::Tensor>& states) {
  Shard shard;
  shard.arrays = states;
  for (const Block& block : blocks) {
    if (block.owner != owner) continue;
    shard.pieces.push_back(
        {weights.segments()[block.segment].name, block.begin, block.count, block.state_begin});
  }
  return shard;
}

}  // namespace convoy
