#pragma once
// Blocks: the unit in which gradients are reduced and weights are updated, and who owns which.
#include <cstdint>
#include <vector>

#include "engine/flat_parameters.hpp"

namespace convoy {

/// Up to `block_size` neighbouring elements of one trainable parameter.
struct Block {
  std::size_t gradient = 0;  ///< index into PartialSum::data
  std::int64_t begin = 0;    ///< first element within the parameter
  std::int64_t count = 0;
  std::int64_t flat_begin = 0;   ///< first element within the flat weights
  std::size_t parameter = 0;     ///< index into FlatParameters::parameters()
  int owner = 0;                 ///< the worker that adds, updates and publishes it
  std::int64_t state_begin = 0;  ///< first element within the optimizer state of whoever keeps it
};

/// 8,192 floats (32 KiB): partial sums of two owners, weights and momentum of a block stay in the
/// second-level cache.
constexpr std::int64_t block_size = 8192;

/// Who keeps the optimizer's state: of each block its owner alone (ZeRO stage 1), or everybody all
/// of it, laid out as the weights are.
enum class StateLayout { sharded, replicated };

/// All trainable parameters cut into blocks, in order, and dealt to `workers`.
std::vector<Block> make_blocks(const FlatParameters& weights, int workers,
                               StateLayout layout = StateLayout::sharded);

/// Deals blocks out so that everybody gets about as many elements, along any stretch of the
/// parameters too: each goes to whoever has the least so far, the first of equals.
std::vector<int> deal_blocks(const std::vector<Block>& blocks, int owners);

/// Elements of the optimizer state that worker `owner` keeps.
std::int64_t state_size(const std::vector<Block>& blocks, int owner);

/// Cuts the list of blocks (indices into `blocks`) into contiguous parts of about equal elements.
std::vector<std::vector<int>> share_blocks(const std::vector<Block>& blocks,
                                           const std::vector<int>& which, int parts);

}  // namespace convoy
