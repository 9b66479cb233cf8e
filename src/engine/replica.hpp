#pragma once
// A replica: a network of its own bound to the shared weights, and the lanes it owns.
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "convoy/data/dataset/prefetch.hpp"
#include "convoy/data/images/augment.hpp"
#include "convoy/lanes/sample_schedule.hpp"
#include "convoy/loss/loss.hpp"
#include "convoy/model/model.hpp"
#include "data/records/read_ahead.hpp"
#include "engine/flat_parameters.hpp"
#include "engine/partial_sum.hpp"
#include "engine/time_use.hpp"

namespace convoy {

/// Where the batches of lanes come from, if not from the dataset: by column the network of a
/// replica begins after the first layer.
class LaneInputs {
 public:
  virtual ~LaneInputs() = default;
  /// Of a lane of the step under way. Called by the replica that owns it.
  virtual Batch input(std::int64_t lane) = 0;
  /// The steps from `step` to before `end` are next: reads their samples ahead.
  virtual void own(std::int64_t step, std::int64_t end) = 0;
};

/// What all replicas of a run share.
struct ReplicaShared {
  std::shared_ptr<const Dataset> dataset;
  const SampleSchedule* schedule = nullptr;
  FlatParameters* weights = nullptr;
  const Loss* loss = nullptr;
  std::int64_t lanes = 0;
  std::uint64_t seed = 0;
  std::shared_ptr<const Augmentation> augmentation;
  std::shared_ptr<const ReadsAhead> ahead;  ///< the dataset, if it is one
  LaneInputs* inputs = nullptr;             ///< null: lanes are read from the dataset

  /// Tells the dataset what comes after this step, where it wants to know.
  void read_ahead(std::int64_t step) const;

  /// The samples of a lane, changed at random where the job says so: by seed, step and sample.
  Batch read_lane(std::int64_t step, std::int64_t lane) const;
  Batch read_samples(std::int64_t step, const std::vector<std::int64_t>& samples) const;
};

/// Reads `lanes`, again and again, of the steps from `step` to before `end`.
std::unique_ptr<Prefetcher> read_lanes_ahead(const ReplicaShared& shared, Range lanes,
                                             std::int64_t step, std::int64_t end);

/// What one lane did in a step, beside its gradient.
struct LaneResult {
  double loss = 0;                    ///< its part of the batch's mean loss
  std::vector<std::int64_t> samples;  ///< as Batch::samples
};

/// Told when the sums of a replica are final, parameter by parameter, while its last backward still
/// runs.
class GradientSink {
 public:
  virtual ~GradientSink() = default;
  /// The replica's sums of the step are in place; what they hold is not final yet. Called once a
  /// step, before `ready`.
  virtual void begin(int replica, std::vector<PartialSum>& sums) = 0;
  /// Gradient `gradient` (an index into PartialSum::data) of all the replica's sums is final.
  virtual void ready(int replica, std::size_t gradient) = 0;
};

/// Used by one thread at a time.
class Replica {
 public:
  Replica(Network network, const ReplicaShared& shared, int number = 0);
  ~Replica();

  /// Owns `lanes` from `step` on: starts to read their samples ahead. `end` is the step after the
  /// last one.
  void own(Range lanes, std::int64_t step, std::int64_t end);

  /// Forward and backward of every owned lane, added up along the tree; results[lane] for its
  /// lanes. With a sink, the last lane's gradients are added as backward leaves them.
  void compute(std::int64_t step, std::vector<LaneResult>& results, GradientSink* sink = nullptr);

  /// The sums of the last compute, one for each subtree of the owned range, in lane order.
  std::vector<PartialSum>& sums() { return sums_; }

  /// One lane alone, its samples read now: to look into a step again. Leaves sums() alone.
  PartialSum compute_lane(std::int64_t step, std::int64_t lane, LaneResult& result);

  /// Copies of the buffers that are not float (counters) as the first of its lanes that had samples
  /// in the last compute left them; empty if none had.
  const std::vector<torch::Tensor>& counters() const { return counters_; }

  Network& network() { return network_; }
  TimeUse& time_use() { return time_use_; }

 private:
  class Stream;

  PartialSum run_lane(std::int64_t step, std::int64_t lane, const Batch& batch, LaneResult& result);
  void run_network(std::int64_t step, std::int64_t lane, const Batch& batch, LaneResult& result);
  void stream_lane(std::int64_t step, std::int64_t lane, const Batch& batch, LaneResult& result,
                   GradientSink& sink);
  void collect_buffers(PartialSum& sum, std::int64_t samples);
  const Compute& device() const { return shared_.weights->device(); }
  void fold(PartialSum sum);

  Network network_;
  ReplicaShared shared_;
  int number_;
  std::vector<torch::Tensor> trainable_;
  std::vector<torch::Tensor> buffers_;
  std::size_t float_buffer_values_ = 0;
  Range owned_;
  std::unique_ptr<Prefetcher> prefetcher_;
  std::vector<PartialSum> sums_;
  std::vector<torch::Tensor> counters_;
  std::unique_ptr<Stream> stream_;
  TimeUse time_use_;
};

}  // namespace convoy
