#pragma once
// From the replicas' partial sums to new weights, block by block: add along the tree, look at the
// size of the gradient, apply the optimizer. Replicas work side by side; who works on a block
// changes nothing in its bits.
#include <cstdint>
#include <vector>

#include "convoy/compute/compute.hpp"
#include "convoy/lanes/tree.hpp"
#include "engine/blocks.hpp"
#include "engine/partial_sum.hpp"

namespace convoy {

/// One worker's part of the reduction. With several workers an Exchange stands between add_blocks
/// and update_blocks.
class Reduction {
 public:
  struct Owner {
    int worker = 0;
    int workers = 1;
    Range lanes;  ///< this worker's
    int replicas = 1;
    /// This worker updates all blocks and not only its own.
    bool updates_all = false;
  };
  /// `device`: where sums, weights and states are.
  Reduction(const Compute& device, std::vector<Block> blocks, std::int64_t lanes,
            const Owner& owner);

  const std::vector<Block>& blocks() const { return blocks_; }

  /// Before the phases of a step: the replicas' partial sums, in lane order, together this worker's
  /// lanes.
  void begin(std::vector<PartialSum*> sums);
  /// The worker's own sums of cover(lanes, owned), which hold their values after add_blocks.
  const std::vector<PartialSum*>& roots() const { return roots_; }

  /// Phase 1 of replica `replica`: its share of the blocks is added into the roots. Where this
  /// worker is the only one, their sum is the result.
  void add_blocks(int replica);
  /// The same for one block.
  void add_block(int block) const;
  /// What else is summed per lane: the roots' buffers.
  void add_buffers();

  /// The whole group's sum of a block that this worker owns: what update_blocks works on. Remembers
  /// its squared norm.
  void set_result(int block, const Element* gradient);

  /// Where set_result puts results from now on, laid out as the weights; null: they stay where they
  /// are.
  void place_results(Element* flat) { placed_ = flat; }
  /// Where the sums of all blocks are, laid out as the weights: from now on update_blocks takes
  /// them from there.
  void take_sums_from(const Element* flat);
  /// The sum of this worker's roots, in lane order, of all blocks one after the other.
  void copy_own_sums(Element* values) const;

  /// Squared norms by block; those of other owners' blocks are to be filled in.
  std::vector<double>& squares() { return squares_; }
  /// When all squares are there: the squared L2 norm of the global gradient; not finite if any
  /// element is not. `before`: what is added first, of parameters that are reduced elsewhere.
  double squared_norm(double before = 0) const;

  /// Phase 2 of replica `replica`: weights and optimizer state of its share of the blocks
  /// that this worker updates. `state` holds one array per state, as the blocks' layout says.
  void update_blocks(int replica, Element* weights, const std::vector<Element*>& state,
                     const UpdateRule& optimizer, const UpdateContext& context) const;
  /// The same; the weights and states that it starts from stay as they are.
  void update_blocks(int replica, const Element* weights, const std::vector<Element*>& state,
                     Element* new_weights, const std::vector<Element*>& new_state,
                     const UpdateRule& optimizer, const UpdateContext& context) const;

 private:
  const Element* join_roots(int block) const;

  const Compute& device_;
  std::vector<Block> blocks_;
  std::int64_t lanes_;
  Range owned_lanes_;
  bool alone_;
  Element* placed_ = nullptr;
  std::vector<std::vector<int>> all_shares_;  // of all blocks, by replica
  std::vector<std::vector<int>>
      owned_shares_;                     // of the blocks that this worker updates, by replica
  std::vector<double> squares_;          // per block
  std::vector<const Element*> results_;  // per block
  std::vector<PartialSum*> sums_;
  std::vector<PartialSum*> roots_;
  std::vector<Addition> additions_;
};

}  // namespace convoy
