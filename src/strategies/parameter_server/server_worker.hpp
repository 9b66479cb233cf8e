#pragma once
// A worker of the parameter-server strategy: a replica with weights of its own,
// which it pulls from the servers, and gradients that it pushes while backward
// still runs.
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "convoy/comm/compression/compression.hpp"
#include "convoy/optim/optimizer.hpp"
#include "engine/blocks.hpp"
#include "engine/gradient_pipeline.hpp"
#include "engine/replica.hpp"
#include "server/link.hpp"
#include "strategies/setup.hpp"

namespace convoy {

/// Elements of weights or gradients in a message, at most.
constexpr std::int64_t most_floats = 8 << 20;

/// What a worker is to do, as the servers say.
struct ServerTurn {
  std::int64_t step = 0;
  Range lanes;             ///< of the step; empty: none, and wait for the others
  bool finished = false;   ///< there is no more to do after `step` steps
  bool stop = false;       ///< somebody was asked to stop
  double loss = 0;         ///< of the last step that is whole
  std::int64_t whole = 0;  ///< steps that are
};

/// What came of it.
struct ServerStep {
  double loss = 0;
  double rate = 0;
  double norm = 0;
  bool skipped = false;
  bool known = true;  ///< false: the others were past it before this worker could hear of it
};

/// Buffers that are no floats, as they travel.
std::string bytes_of_counters(const std::vector<torch::Tensor>& counters);

class ServerWorker final : public GradientSink {
 public:
  struct Options {
    StrategyOptions strategy;
    ParameterServerOptions own;
    OptimizerOptions optimizer;
    StepRules rules;
    const Compute* device = &host_compute();  ///< where weights and gradients are
    ReplicaShared shared;                     ///< without weights
    /// Whether to stop; asked once a step.
    std::function<bool()> stop;
    /// Seconds to sleep for each second of computing, to play a slow machine.
    double slowness = 0;
  };
  ServerWorker(Network network, std::unique_ptr<server::Link> link, Options options);

  server::Link& link() { return *link_; }
  Replica& replica() { return *replica_; }
  FlatParameters& weights() { return weights_; }
  const std::vector<Block>& blocks() const { return blocks_; }

  /// Gives the servers the state that the run begins with; `states`: the
  /// optimizer's, laid out as the weights. Nothing happens where another worker
  /// was first. `identity`: what all workers must agree on.
  void prepare(const FlatParameters& weights, const std::vector<torch::Tensor>& states,
               std::int64_t step, std::int64_t updates, std::int64_t workers);
  void send_hello(const std::string& identity);

  /// The next task, with the weights and statistics for it in place. When it throws, those from
  /// before are.
  ServerTurn next();
  /// Computes it and sees to it that the servers have it. Throws NonFiniteError
  /// when the gradient is not finite and the job says to stop.
  ServerStep take_step(const ServerTurn& turn);

  /// The optimizer's state, laid out as the weights.
  std::vector<torch::Tensor> fetch_states(int count);
  /// How many the servers had applied when they were last asked for states.
  std::int64_t updates() const { return updates_; }
  std::vector<std::string> statistics();
  void close();

  void begin(int replica, std::vector<PartialSum>& sums) override;
  void ready(int replica, std::size_t gradient) override;

 private:
  using Ids = std::vector<std::uint64_t>;

  bool bsp() const { return options_.own.consistency == "bsp"; }
  bool prefetch() const { return options_.own.prefetch; }
  void compute(std::int64_t step, Range lanes);
  void push_bucket(std::size_t bucket);
  void push_rest();
  void push_compressed(Range lanes);
  std::span<float> whole_sum(std::uint32_t shard);
  void report(std::int64_t step, Range lanes);
  ServerStep take_together(const ServerTurn& turn);
  ServerStep take_alone(const ServerTurn& turn);
  void settle(std::int64_t step);
  std::optional<std::vector<double>> await_step_result(std::int64_t step);
  double squared_norm(const Ids& asked) const;
  double own_squared_norm() const;
  void apply(std::int64_t step, Range lanes, const ServerStep& result, double scale, double rate);
  double scale_for(double norm) const;
  void start_pulls(std::uint64_t task, std::int64_t version);
  /// Weights of a shard from an element on, as they came.
  struct Piece {
    std::uint32_t shard;
    std::int64_t first;
    server::Answer answer;
  };
  using Pulled = std::vector<Piece>;
  void finish_pulls(Pulled& pulled);
  void take_in(const Pulled& pulled);
  void take_in(std::uint32_t shard, std::int64_t first, std::span<const float> data);
  void use_buffers(const server::Message& answer);
  server::Message request(server::Kind kind, std::uint32_t shard = 0) const;
  void wait_all(Ids& ids);

  Options options_;
  FlatParameters weights_;
  std::unique_ptr<server::Link> link_;
  std::vector<Block> blocks_;  // owners are shards
  std::vector<std::vector<int>> shard_blocks_;
  std::unique_ptr<Replica> replica_;
  std::vector<LaneResult> results_;

  std::uint64_t task_ = 0;
  Range owned_;
  std::int64_t owned_step_ = -1;  // the next one of the samples that are read ahead
  std::int64_t expected_ = -1;    // bsp: the step whose weights are on their way

  std::int64_t updates_ = 0;
  std::int64_t step_ = 0;
  std::vector<PartialSum>* sums_ = nullptr;
  std::vector<std::vector<int>> buckets_;
  BucketGradients gradients_;
  std::vector<int> left_;
  std::vector<char> pushed_;
  std::vector<float> push_buffer_;
  std::vector<float> packed_;        // its lines that are not zero, or what the codec made of it
  std::unique_ptr<Codec> codec_;     // null: gradients travel as they are
  std::vector<ErrorFeedback> owed_;  // by shard
  std::uint64_t draws_ = 0;
  Ids pushes_;
  struct Pull {
    std::uint64_t id;
    std::uint32_t shard;
    std::int64_t first;
  };
  std::vector<Pull> pulls_;
  struct Known {
    std::uint64_t version;
    std::uint64_t source;
  };
  std::map<std::pair<std::uint32_t, std::int64_t>, Known> known_;  // by shard and first element
};

}  // namespace convoy
