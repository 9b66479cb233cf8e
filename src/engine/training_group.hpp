#pragma once
// Steps that the workers of a group take together: their gradients, and what else they tell each
// other in a step.
#include <memory>
#include <string>
#include <vector>

#include "comm/compression/group_sum.hpp"
#include "convoy/comm/communicator.hpp"
#include "engine/control_message.hpp"
#include "engine/gradient_pipeline.hpp"
#include "engine/host_shared_memory.hpp"
#include "engine/step_bytes.hpp"

namespace convoy {

class TrainingGroup {
 public:
  struct Options {
    std::int64_t lanes = 0;
    std::vector<Range> worker_lanes;
    int replicas = 1;               ///< of this worker, those that own lanes
    std::int64_t bucket_bytes = 0;  ///< as bucket_bytes() of the job
    Trace* trace = nullptr;
    bool replicated = false;         ///< everybody updates all blocks
    GroupSum* compressed = nullptr;  ///< how gradients are added up, instead of block by block
    const TrainingGroup* before = nullptr;  ///< goes on with what that one measured and tuned
  };
  TrainingGroup(Communicator& group, FlatParameters& weights, Reduction& reduction,
                const Options& options);

  Communicator& communicator() { return group_; }

  /// Null when buckets do not leave early in this step.
  GradientSink* start_step(std::int64_t step);
  /// After the replicas have computed (and, without a sink, the reduction has added the worker's
  /// own sums): all sums are reduced.
  void reduce();
  /// Instead, when a replica failed.
  void cancel_step();
  /// Replicated: everybody gets everybody's sums of blocks, and update_blocks finds them; or the
  /// sums of all blocks are in the host's memory that use_host_sums named, once all know that
  /// all have done this.
  void share_sums();
  /// Sums go to `flat` from now on, laid out as the weights, which the workers of this host share.
  /// All workers call it with memory of their hosts before the same step; with null everybody has
  /// sums of its own again.
  void use_host_sums(Element* flat);
  /// Exchange::holders.
  const std::vector<int>& holders() const { return exchange_->holders(); }
  void exchange_control_message(ControlMessage& message);
  /// Where all workers are on one host, they share the weights from now on, if there is memory for
  /// it: publish then waits for the others, no more. All have the same weights, and all call it
  /// before the same step. Throws PeerError, TimeoutError.
  void share_weights();
  /// This worker's blocks of the weights' next() to all, and theirs into it.
  void publish_next();
  /// Counts bytes; the next step may use another bucket size. True when the tuning of it has just
  /// come to its end.
  bool end_step();
  /// Payload bytes that this worker sent elsewhere for the step.
  void count(std::uint64_t bytes) { bytes_.count(bytes); }

  std::vector<BucketTuner::Tried> tried() const { return tuner_.tried(); }
  bool tuning() const { return tuning_; }
  std::int64_t bucket_bytes() const { return bucket_bytes_; }
  std::size_t buckets() const { return exchange_ ? exchange_->buckets().size() : 0; }
  const StepBytes& bytes() const { return bytes_; }

 private:
  void use_buckets(std::int64_t bytes);
  void make_exchange(const Options& options);
  void add_up_compressed();

  Communicator& group_;
  FlatParameters& weights_;
  Reduction& reduction_;
  GroupSum* compressed_;
  std::unique_ptr<Exchange> exchange_;  // null: whole gradients do not travel
  torch::Tensor sums_;                  // of all blocks, where everybody needs them
  torch::Tensor compressed_sums_;       // of all gradients, one after the other, on the host
  Element* host_sums_ = nullptr;        // instead, where a host's workers share them
  std::unique_ptr<ControlExchange> control_exchange_;
  std::unique_ptr<GradientPipeline> pipeline_;
  HostBarrier barrier_;
  StepBytes bytes_;
  BucketTuner tuner_;
  bool tuning_ = false;
  std::int64_t bucket_bytes_ = 0;
  bool overlapping_ = false;
  std::int64_t step_ = 0;  // the one under way
};

}  // namespace convoy
