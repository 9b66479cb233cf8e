#pragma once
// A step's first layer, where features are partitioned by column: what comes before the replicas
// run the rest of the network on their lanes, and what comes after.
#include <memory>
#include <vector>

#include "convoy/data/dataset/prefetch.hpp"
#include "core/replica_pool.hpp"
#include "engine/replica.hpp"
#include "infer/inference.hpp"
#include "strategies/columns/column_layer.hpp"

namespace convoy {

class ColumnStep final : public LaneInputs {
 public:
  struct Options {
    ReplicaPool* pool = nullptr;
    int workers = 1;
    int worker = 0;
  };
  ColumnStep(std::unique_ptr<ColumnLayer> layer, ReplicaShared shared, Options options);
  ~ColumnStep() override;

  /// Where the time of each replica is counted; before the first step.
  void count_in(std::vector<TimeUse*> time_use) { time_use_ = std::move(time_use); }

  /// Every replica reads its share of all lanes ahead, from `step` to before `end`.
  void own(std::int64_t step, std::int64_t end) override;

  /// Collective: the sums of this worker's lanes, by `worker_lanes` of all.
  void forward(const std::vector<Range>& worker_lanes);
  Batch input(std::int64_t lane) override;
  /// Collective, when the lanes' backward has run.
  void backward();
  /// Collective.
  double squared_norm();
  void update(const Optimizer& optimizer, const UpdateContext& context);

  /// Collective. As run_inference of this worker's part of the passes; `networks` are heads.
  Inference infer(std::span<Network* const> networks, const Dataset& dataset, std::int64_t batch);

  ColumnLayer& layer() { return *layer_; }

 private:
  void multiply_all(const std::vector<int>& owners, bool keep,
                    const std::function<Batch(int replica, std::size_t task)>& read);

  std::unique_ptr<ColumnLayer> layer_;
  ReplicaShared shared_;
  Options options_;
  std::vector<TimeUse*> time_use_;                        // by replica
  std::vector<std::unique_ptr<Prefetcher>> prefetchers_;  // by replica
};

}  // namespace convoy
