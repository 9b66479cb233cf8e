#pragma once
// From the replicas' partial sums to new weights, block by block: add along the tree, look at the
// size of the gradient, apply the optimizer. Owners of blocks work side by side; who owns a block
// changes nothing in its bits.
#include <cstdint>
#include <vector>

#include "convoy/lanes/tree.hpp"
#include "convoy/optim/optimizer.hpp"
#include "train/partial_sum.hpp"
#include "train/shared_weights.hpp"

namespace convoy {

/// into[i] += from[i].
void add_into(float* into, const float* from, std::int64_t count);

/// The sum of squares, with a fixed set of partial sums: not finite exactly when an element is not
/// finite.
double sum_of_squares(const float* values, std::int64_t count);

/// The unit of reduction: up to `block_size` neighbouring elements of one trainable parameter.
struct Block {
  std::size_t gradient = 0;  ///< index into PartialSum::data
  std::int64_t begin = 0;    ///< first element within the parameter
  std::int64_t count = 0;
  std::int64_t flat_begin = 0;  ///< first element within the flat weights
};

class Reduction {
 public:
  /// 8,192 floats (32 KiB): partial sums of two owners, weights and momentum of a block stay in the
  /// second-level cache.
  static constexpr std::int64_t block_size = 8192;

  Reduction(const SharedWeights& weights, std::int64_t lanes, int owners);

  /// Before the phases of a step: every owner's partial sums, in lane order, together all the
  /// lanes.
  void begin(std::vector<PartialSum*> sums);
  /// The additions planned by begin, for what else is summed along the tree.
  const std::vector<Addition>& planned() const { return additions_; }

  /// Phase 1 of owner `owner`: its blocks' sums end up in the first partial sum; remembers their
  /// squared norms.
  void add_blocks(int owner);
  /// After phase 1 of all owners: the squared L2 norm of the global gradient; not finite if any
  /// element is not.
  double squared_norm() const;
  /// Phase 2 of owner `owner`: weights and optimizer state of its blocks. `state` holds one flat
  /// array per state.
  void update_blocks(int owner, float* weights, const std::vector<float*>& state,
                     const Optimizer& optimizer, const UpdateContext& context) const;

 private:
  std::int64_t lanes_;
  std::vector<Block> blocks_;
  std::vector<Range> owned_;     // blocks of each owner
  std::vector<double> squares_;  // per block
  std::vector<PartialSum*> sums_;
  std::vector<Addition> additions_;
};

}  // namespace convoy
