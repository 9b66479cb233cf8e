#include "engine/blocks.hpp"

#include <algorithm>

#include "convoy/lanes/lane.hpp"

namespace convoy {
namespace {

std::int64_t aligned(std::int64_t count) {
  return (count + line_of_floats - 1) / line_of_floats * line_of_floats;
}

}  // namespace

std::vector<Block> make_blocks(const FlatParameters& weights, int workers, StateLayout layout) {
  std::vector<Block> blocks;
  std::size_t gradient = 0;
  for (std::size_t s = 0; s < weights.parameters().size(); ++s) {
    const ParameterInfo& parameter = weights.parameters()[s];
    if (!parameter.trainable) continue;
    for (std::int64_t begin = 0; begin < parameter.count; begin += block_size) {
      const std::int64_t count = std::min(block_size, parameter.count - begin);
      blocks.push_back({gradient, begin, count, parameter.offset + begin, s});
    }
    ++gradient;
  }
  const std::vector<int> owners = deal_blocks(blocks, workers);
  std::vector<std::int64_t> next(static_cast<std::size_t>(workers), 0);
  for (std::size_t b = 0; b < blocks.size(); ++b) {
    blocks[b].owner = owners[b];
    blocks[b].state_begin = next[static_cast<std::size_t>(owners[b])];
    next[static_cast<std::size_t>(owners[b])] += aligned(blocks[b].count);
    if (layout == StateLayout::replicated) blocks[b].state_begin = blocks[b].flat_begin;
  }
  return blocks;
}

std::vector<int> deal_blocks(const std::vector<Block>& blocks, int owners) {
  std::vector<std::int64_t> load(static_cast<std::size_t>(owners), 0);
  std::vector<int> dealt;
  for (const Block& block : blocks) {
    const auto least = std::min_element(load.begin(), load.end());
    *least += block.count;
    dealt.push_back(static_cast<int>(least - load.begin()));
  }
  return dealt;
}

std::int64_t state_size(const std::vector<Block>& blocks, int owner) {
  std::int64_t size = 0;
  for (const Block& block : blocks) {
    if (block.owner == owner) size = block.state_begin + aligned(block.count);
  }
  return size;
}

std::vector<std::vector<int>> share_blocks(const std::vector<Block>& blocks,
                                           const std::vector<int>& which, int parts) {
  std::int64_t total = 0;
  for (const int b : which) total += blocks[b].count;
  std::vector<std::vector<int>> shares(static_cast<std::size_t>(parts));
  std::int64_t passed = 0;
  std::size_t next = 0;
  for (int part = 0; part < parts; ++part) {
    const std::int64_t goal = even_part(total, parts, part).end;
    while (next < which.size() && (passed < goal || part == parts - 1)) {
      passed += blocks[which[next]].count;
      shares[part].push_back(which[next++]);
    }
  }
  return shares;
}

}  // namespace convoy
