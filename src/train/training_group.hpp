#pragma once
// What the Trainer does only when there are several workers.
#include <memory>
#include <string>
#include <vector>

#include "comm/compression/group_sum.hpp"
#include "convoy/comm/communicator.hpp"
#include "infer/inference.hpp"
#include "train/gradient_pipeline.hpp"
#include "train/step_news.hpp"
#include "train/training_state.hpp"

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
    bool own_steps = false;          ///< workers take steps of their own: no gradients travel
    const TrainingGroup* before = nullptr;  ///< goes on with what that one measured and tuned
  };
  TrainingGroup(Communicator& group, SharedWeights& weights, Reduction& reduction,
                const Options& options);

  Communicator& communicator() { return group_; }
  bool is_first() const { return group_.rank() == 0; }

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
  void use_host_sums(float* flat);
  /// Exchange::holders.
  const std::vector<int>& holders() const { return exchange_->holders(); }
  void exchange_news(StepNews& news);
  void publish();
  /// Counts bytes; the next step may use another bucket size. True when the tuning of it has just
  /// come to its end.
  bool end_step();
  /// Payload bytes that this worker sent elsewhere for the step.
  void count(std::uint64_t bytes) { counted_ += bytes; }

  std::vector<BucketTuner::Tried> tried() const { return tuner_.tried(); }
  bool tuning() const { return tuning_; }
  std::int64_t bucket_bytes() const { return bucket_bytes_; }
  std::size_t buckets() const { return exchange_ ? exchange_->buckets().size() : 0; }
  /// Payload bytes of gradients and weights that this worker sent, per step, and of all else.
  double step_bytes() const;
  double other_bytes() const;

  /// Worker 0's values everywhere: weights, buffers, and each owner's optimizer state out of the
  /// flat `states` that only worker 0 need have.
  void distribute(SharedWeights& weights, const std::vector<torch::Tensor>& flat_states,
                  std::vector<torch::Tensor>& own_states);
  /// The same of all of a state that everybody keeps: rank `source`'s everywhere.
  void distribute_from(int source, SharedWeights& weights, std::vector<torch::Tensor>& states);
  /// The pieces of an inference, in rank order, to worker 0; nothing for the others.
  Inference gather(const Inference& mine);
  /// Runs `work` on all workers; if one threw, all throw: its own exception there, PeerError naming
  /// it elsewhere.
  void agree(const std::function<void()>& work);

 private:
  void use_buckets(std::int64_t bytes);
  void make_exchange(const Options& options);
  void add_up_compressed();

  Communicator& group_;
  SharedWeights& weights_;
  Reduction& reduction_;
  GroupSum* compressed_;
  std::unique_ptr<Exchange> exchange_;  // null: whole gradients do not travel
  std::vector<float> sums_;             // of all blocks, where everybody needs them
  float* host_sums_ = nullptr;          // instead, where a host's workers share them
  std::unique_ptr<StepNewsExchange> news_;
  std::unique_ptr<GradientPipeline> pipeline_;
  BucketTuner tuner_;
  bool tuning_ = false;
  std::int64_t bucket_bytes_ = 0;
  bool overlapping_ = false;
  std::int64_t step_ = 0;   // the one under way
  std::int64_t steps_ = 0;  // that have been
  std::uint64_t counted_ = 0;
  std::uint64_t exchanged_bytes_ = 0;
  std::uint64_t bytes_before_ = 0;
  std::uint64_t other_bytes_ = 0;
};

}  // namespace convoy
