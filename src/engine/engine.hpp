#pragma once
// One worker's part of every step: replicas on one copy of the weights, and the lanes they own.
// Knows no job, no run folder, and nothing of other workers.
#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "convoy/engine/nonfinite.hpp"
#include "convoy/lanes/balance.hpp"
#include "convoy/optim/optimizer.hpp"
#include "core/replica_pool.hpp"
#include "engine/flat_parameters.hpp"
#include "engine/nonfinite.hpp"
#include "engine/replica.hpp"
#include "infer/inference.hpp"

namespace convoy {

class Engine;

struct EngineOptions {
  ModelFactory factory;    ///< networks of one structure, with the same weights for the same seed
  std::uint64_t seed = 0;  ///< of the initial weights
  const Compute* device = &host_compute();  ///< where weights, gradients and state are
  int replicas = 1;
  ReplicaShared shared;  ///< dataset, schedule, loss, lanes, seed, augmentation; `weights` and
                         ///< `inputs` are the engine's
  OptimizerOptions optimizer;
  std::int64_t end = 0;  ///< steps of the run: nothing is read ahead beyond them
  bool balance = true;   ///< lanes move to the faster replicas
  /// Where lanes' batches come from instead of the dataset. Called once, when weights() are there
  /// and replicas are not.
  std::function<std::unique_ptr<LaneInputs>(Engine&)> inputs;
};

/// Used by the thread that made it.
class Engine {
 public:
  explicit Engine(EngineOptions options);
  ~Engine();

  FlatParameters& weights() { return *weights_; }
  const FlatParameters& weights() const { return *weights_; }
  const Optimizer& optimizer() const { return *optimizer_; }
  const OptimizerOptions& optimizer_options() const { return options_.optimizer; }
  const SampleSchedule& schedule() const { return *shared_.schedule; }
  const ReplicaShared& shared() const { return shared_; }
  std::int64_t lanes() const { return shared_.lanes; }
  std::int64_t end() const { return options_.end; }
  std::uint64_t seed() const { return options_.seed; }
  LaneInputs* inputs() { return inputs_.get(); }
  const Compute& device() const { return *options_.device; }

  ReplicaPool& pool() { return pool_; }
  int replicas() const { return pool_.size(); }
  Replica& replica(int r) { return *replicas_[static_cast<std::size_t>(r)]; }
  std::vector<Network*> networks();
  /// A network of its own, with the initial weights.
  Network make_network() const;
  /// The initial weights and buffers again.
  void reset_weights();

  /// Before compute: the replicas own these lanes from `step` on. Costs nothing where that is so
  /// already.
  void own(Range lanes, std::int64_t step);
  /// Weights, buffers or samples are others than compute left them.
  void invalidate() { current_ = false; }

  /// Forward and backward of all owned lanes, along the tree. `sink` is told of gradients while
  /// backward still runs; may be null.
  void compute(std::int64_t step, GradientSink* sink);
  /// The sums of the last compute, in lane order.
  std::vector<PartialSum*> sums();
  /// By lane; those of owned lanes are of the last compute.
  const std::vector<LaneResult>& results() const { return results_; }
  /// Samples of the owned lanes in the last compute.
  std::int64_t own_samples() const;
  /// Buffers that are not float, as the first lane with samples left them.
  std::vector<torch::Tensor> counters() const;
  /// Which of the owned lanes made the step not finite. With `peers` collective.
  NonFinite find_nonfinite(std::int64_t step, Peers* peers);

  /// By replica, of the last compute.
  const std::vector<double>& compute_seconds() const { return seconds_; }
  const std::vector<std::int64_t>& replica_lanes() const { return counts_; }
  /// After a step: lanes move to the faster replicas, where that pays.
  void balance();

  /// Buffers of the weights into all networks, which are set to training or evaluating.
  void sync_networks(bool training);
  /// Of `parts` parts of the dataset, part `part`.
  Inference infer(const Dataset& dataset, std::int64_t batch, int part, int parts);

  TimeUse& time_use(int r = 0) { return replica(r).time_use(); }
  /// The mean over replicas.
  TimeUse total_time_use() const;
  void trace_on(Trace& trace);

 private:
  void deal_lanes(std::int64_t count);

  EngineOptions options_;
  std::unique_ptr<Optimizer> optimizer_;
  ReplicaPool pool_;
  std::unique_ptr<FlatParameters> weights_;
  ReplicaShared shared_;
  std::unique_ptr<LaneInputs> inputs_;
  std::vector<std::unique_ptr<Replica>> replicas_;
  std::vector<LaneResult> results_;
  Range owned_;
  bool current_ = false;  // the replicas own what they are to, from next_ on
  std::int64_t next_ = 0;
  std::vector<std::int64_t> counts_;  // lanes by replica
  std::optional<LaneBalancer> balancer_;
  std::vector<double> seconds_;
};

}  // namespace convoy
