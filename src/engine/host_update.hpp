#pragma once
// The update of an elastic group's weights, shared by the workers of each host, so that any one of
// them can still go on alone (docs/design/elastic.md, "The update").
//
// Of each block one worker of the host, its holder, updates weights and optimizer state; the others
// copy the weights. The state is in memory of the host, beside the sums of all blocks and the new
// weights, so it outlives whoever updates it. Whoever has the control message of a step can
// complete it from that memory, whatever became of the others: a block is done, and its new values
// are there, or it is not, and its old state and its sum are.
//
// A new state never overwrites the one it is made from: the states of a worker's blocks lie one
// after the other, and each update moves all of them by more than a block, up and down by turns,
// beginning at the end that they move to. So no copy is made, and the memory written to is that
// which has just been read.
#include <atomic>
#include <exception>
#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "convoy/comm/communicator.hpp"
#include "convoy/compute/compute.hpp"
#include "engine/blocks.hpp"
#include "engine/host_shared_memory.hpp"

namespace convoy {

/// Of one generation's group. An update is: begin, update by each replica, end; or finish_alone as
/// soon as begin or end says that the group is broken. Then the group has to be left, and aborted
/// before this object goes.
class HostUpdate {
 public:
  /// Told while an update goes on: the others may now begin; a block has a new state, which nobody
  /// has been told of yet; the block is done; all of this worker's blocks are.
  enum class Moment { agreed, torn, done, all_done };
  struct Options {
    std::vector<Block> blocks;                ///< laid out as StateLayout::replicated says
    std::int64_t size = 0;                    ///< elements of the weights, padding included
    std::vector<int> holders;                 ///< by block, on this host
    int replicas = 1;                         ///< of this worker
    std::function<void(Moment)> at;           ///< faults on purpose; may be empty
    const Compute* device = &host_compute();  ///< where weights and states are
  };

  /// `states`: the optimizer's, the same on all workers, laid out as the weights. Collective; null
  /// on all workers where a host has no memory for it. Throws PeerError, TimeoutError.
  static std::unique_ptr<HostUpdate> make(Communicator& group, Options options,
                                          const std::vector<torch::Tensor>& states);

  /// Where the sums of all blocks are to be when begin is called, laid out as the weights.
  Element* sums() const { return sums_; }

  /// When all sums are in the memory of this host, and all that decides the update is known: from
  /// now on this worker has committed the step. Waits until the other workers of the host have too;
  /// false if one of them does not: finish_alone.
  bool begin();
  /// The blocks of this worker's replica.
  void update(int replica, Element* weights, const UpdateRule& optimizer,
              const UpdateContext& context);
  /// Waits for the others and takes their blocks' weights; false: finish_alone.
  bool end(Element* weights);
  /// What is left of the update, without the others and without touching what they see. They may
  /// still be at work, and be killed or stopped at any instant.
  void finish_alone(Element* weights, const UpdateRule& optimizer, const UpdateContext& context);
  /// Why; null while the group is whole.
  std::exception_ptr failure() const { return failure_; }

  /// A copy of the optimizer's whole state, laid out as the weights. Not between begin and the end
  /// of an update.
  std::vector<torch::Tensor> states() const;

 private:
  // The blocks that one replica updates, in memory one after the other.
  struct Slice {
    int worker = 0;
    std::vector<int> blocks;
    std::vector<std::int64_t> begins;            // by block: elements into the states
    std::vector<Element*> states;                // while they lie low
    std::atomic<std::uint64_t>* done = nullptr;  // blocks so far, of all updates
  };

  HostUpdate(Communicator& group, Options options, int states,
             const std::vector<std::string>& replicas);
  std::size_t plan(std::byte* memory);
  void fill(const std::vector<torch::Tensor>& states);
  bool host_barrier(int tag);
  std::size_t nth(const Slice& slice, std::size_t place) const;
  std::uint64_t done_before(const Slice& slice) const { return updates_ * slice.blocks.size(); }
  void locate(const Slice& slice, std::size_t index, std::uint64_t updates,
              std::vector<Element*>& at) const;
  void copy_state(const Slice& slice, std::size_t index, std::uint64_t updates,
                  const std::vector<torch::Tensor>& into) const;
  bool take_done(const Slice& slice, std::size_t place, Element* weights) const;
  std::vector<torch::Tensor> empty_states() const;

  Communicator& group_;
  Options options_;
  const Compute& device_;
  int state_count_;
  Range neighbours_;
  HostBarrier barrier_;
  std::int64_t shift_ = 0;  // more than a block
  std::vector<Slice> slices_;
  std::optional<SharedMemory> memory_;
  Element* sums_ = nullptr;
  Element* new_weights_ = nullptr;
  std::uint64_t updates_ = 0;                    // that are complete
  std::vector<torch::Tensor> recovered_states_;  // the states, after finish_alone
  std::exception_ptr failure_;
};

}  // namespace convoy
