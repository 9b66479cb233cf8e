#pragma once
// Partial sums of a gradient as they come in, piece by piece, until they are
// one sum.
#include <cstdint>
#include <map>
#include <utility>
#include <vector>

#include "convoy/lanes/lane.hpp"
#include "server/snapshot.hpp"
#include "server/wire.hpp"

namespace convoy::server {

/// A shard's elements, cut as they are reduced: neighbours in the order of the
/// parameters.
struct ShardBlock {
  std::int64_t begin = 0;
  std::int64_t count = 0;
};

class GradientAccumulator {
 public:
  /// Takes a piece of the sum of `node`, which begins and ends with a block.
  /// What is there already is left alone: it is the same bits. Throws
  /// RequestError.
  void add(const std::vector<ShardBlock>& blocks, std::int64_t size, std::int64_t lanes, Range node,
           std::int64_t first, std::span<const float> data);
  /// Whether the nodes that came tile `target` and nothing is missing of them.
  bool complete(Range target) const;
  /// Adds along the tree; the sum of `target`. Only when complete, once.
  float* sum(const std::vector<ShardBlock>& blocks, std::int64_t lanes, Range target);
  /// Forgets everything, and keeps the memory.
  void clear();

  /// What came so far, for a backup.
  void save(SnapshotWriter& out, const std::vector<ShardBlock>& blocks) const;
  /// The reverse, of an empty one. Throws RequestError.
  void restore(SnapshotReader& in, const std::vector<ShardBlock>& blocks, std::int64_t size,
               std::int64_t lanes);
  /// The node whose values are at `sum`, as sum() returned it; empty for none.
  Range node_of(const float* sum) const;
  /// The reverse. Throws RequestError when that node did not come whole.
  float* sum_of(Range node);

 private:
  struct Part {
    std::vector<float> values;
    std::vector<char> have;  // by block
    std::size_t missing = 0;
  };
  Part& part_of(std::size_t blocks, std::int64_t size, std::int64_t lanes, Range node);

  std::map<std::pair<std::int64_t, std::int64_t>, Part> parts_;  // by node
  std::vector<Part> spare_;
};

}  // namespace convoy::server
