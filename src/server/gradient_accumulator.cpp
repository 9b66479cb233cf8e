#include "server/gradient_accumulator.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "compute/kernels.hpp"
#include "convoy/lanes/tree.hpp"

namespace convoy::server {
namespace {

// More sums than this of one gradient are nonsense: a range of lanes covers
// twice the tree's depth.
constexpr std::size_t most_parts = 4096;

std::size_t block_at(const std::vector<ShardBlock>& blocks, std::int64_t first) {
  const auto found = std::lower_bound(
      blocks.begin(), blocks.end(), first,
      [](const ShardBlock& block, std::int64_t value) { return block.begin < value; });
  if (found == blocks.end() || found->begin != first)
    throw RequestError(fmt::format("a push begins at element {}, where no block does", first));
  return static_cast<std::size_t>(found - blocks.begin());
}

}  // namespace

GradientAccumulator::Part& GradientAccumulator::part_of(std::size_t blocks, std::int64_t size,
                                                        std::int64_t lanes, Range node) {
  const auto found = parts_.find({node.begin, node.end});
  if (found != parts_.end()) return found->second;
  if (node.empty() || node.end > lanes || cover(lanes, node) != std::vector<Range>{node})
    throw RequestError(fmt::format("a push of lanes {} to {}, which are no node of the tree",
                                   node.begin, node.end));
  for (const auto& [other, part] : parts_) {
    if (other.first < node.end && node.begin < other.second)
      throw RequestError(fmt::format("a push of lanes {} to {}, of which some came with {} to {}",
                                     node.begin, node.end, other.first, other.second));
  }
  if (parts_.size() >= most_parts) throw RequestError("too many partial sums of one gradient");
  Part part;
  if (!spare_.empty()) {
    part = std::move(spare_.back());
    spare_.pop_back();
  }
  part.values.resize(static_cast<std::size_t>(size));
  part.have.assign(blocks, 0);
  part.missing = blocks;
  return parts_[{node.begin, node.end}] = std::move(part);
}

void GradientAccumulator::add(const std::vector<ShardBlock>& blocks, std::int64_t size,
                              std::int64_t lanes, Range node, std::int64_t first,
                              std::span<const float> data) {
  std::size_t last = block_at(blocks, first);
  const auto end = first + static_cast<std::int64_t>(data.size());
  const std::size_t begin = last;
  while (last < blocks.size() && blocks[last].begin + blocks[last].count < end) ++last;
  if (last >= blocks.size() || blocks[last].begin + blocks[last].count != end)
    throw RequestError(fmt::format("a push ends at element {}, where no block does", end));
  Part& part = part_of(blocks.size(), size, lanes, node);
  for (std::size_t b = begin; b <= last; ++b) {
    if (part.have[b] != 0) continue;
    part.have[b] = 1;
    --part.missing;
    std::copy_n(data.data() + (blocks[b].begin - first), blocks[b].count,
                part.values.data() + blocks[b].begin);
  }
}

bool GradientAccumulator::complete(Range target) const {
  if (target.empty()) return false;
  std::int64_t at = target.begin;
  for (const auto& [node, part] : parts_) {
    if (node.first != at || part.missing > 0) return false;
    at = node.second;
  }
  return at == target.end;
}

float* GradientAccumulator::sum(const std::vector<ShardBlock>& blocks, std::int64_t lanes,
                                Range target) {
  std::vector<Range> nodes;
  std::vector<float*> values;
  for (auto& [node, part] : parts_) {
    nodes.push_back({node.first, node.second});
    values.push_back(part.values.data());
  }
  const CoverPlan plan = plan_cover(lanes, target, nodes);
  for (const ShardBlock& block : blocks) {
    for (const Addition& add : plan.additions)
      add_into(values[add.into] + block.begin, values[add.from] + block.begin, block.count);
    // A range that is no whole subtree has several roots: no step of anybody
    // adds those, so any fixed order will do.
    for (std::size_t r = 1; r < plan.roots.size(); ++r)
      add_into(values[plan.roots[0]] + block.begin, values[plan.roots[r]] + block.begin,
               block.count);
  }
  return values[plan.roots[0]];
}

void GradientAccumulator::clear() {
  for (auto& [node, part] : parts_) spare_.push_back(std::move(part));
  parts_.clear();
}

void GradientAccumulator::save(SnapshotWriter& out, const std::vector<ShardBlock>& blocks) const {
  out.put(std::uint64_t{parts_.size()});
  for (const auto& [node, part] : parts_) {
    out.put(Range{node.first, node.second});
    out.put_all(std::span<const char>(part.have));
    for (std::size_t b = 0; b < blocks.size(); ++b) {
      if (part.have[b] == 0) continue;
      out.put_all(std::span<const float>(part.values.data() + blocks[b].begin,
                                         static_cast<std::size_t>(blocks[b].count)));
    }
  }
}

void GradientAccumulator::restore(SnapshotReader& in, const std::vector<ShardBlock>& blocks,
                                  std::int64_t size, std::int64_t lanes) {
  for (std::size_t left = in.count(2 * sizeof(std::int64_t)); left > 0; --left) {
    const Range node = in.lanes(lanes);
    if (parts_.contains({node.begin, node.end})) throw RequestError("a partial sum occurs twice");
    const std::vector<char> have = in.list<char>(blocks.size());
    Part& part = part_of(blocks.size(), size, lanes, node);
    for (std::size_t b = 0; b < blocks.size(); ++b) {
      if (have[b] == 0) continue;
      part.have[b] = 1;
      --part.missing;
      in.read(std::span<float>(part.values.data() + blocks[b].begin,
                               static_cast<std::size_t>(blocks[b].count)));
    }
  }
}

Range GradientAccumulator::node_of(const float* sum) const {
  for (const auto& [node, part] : parts_)
    if (part.values.data() == sum) return {node.first, node.second};
  return {};
}

float* GradientAccumulator::sum_of(Range node) {
  const auto found = parts_.find({node.begin, node.end});
  if (found == parts_.end() || found->second.missing > 0)
    throw RequestError("the sum of a gradient that did not come whole");
  return found->second.values.data();
}

}  // namespace convoy::server
