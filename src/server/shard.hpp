#pragma once
// A part of the weights, with the optimizer's state of it: a state machine that
// requests change one after the other. The same requests in the same order give
// the same bits, so a backup is another Shard that gets them too.
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "convoy/comm/compression/codec.hpp"
#include "convoy/optim/optimizer.hpp"
#include "convoy/server/options.hpp"
#include "server/gradient_accumulator.hpp"

namespace convoy::server {

/// What a shard is; text of a `plan` request.
struct ShardPlan {
  ParameterServerOptions options;
  std::int64_t lanes = 1;
  std::int64_t steps = 0;  ///< that all workers take together
  std::int64_t first_step = 0;
  std::int64_t workers = 1;  ///< that the first step waits for
  OptimizerOptions optimizer;
  CompressionOptions compression;    ///< ssp, async: of what is pushed
  std::vector<std::int64_t> counts;  ///< of the shard's blocks, each begins at a multiple of 16

  std::string text() const;
  /// Throws RequestError.
  static ShardPlan parse(const std::string& text);
  /// Elements of the shard's weights, as they lie in memory. Throws RequestError.
  std::int64_t size() const;
};

class Shard {
 public:
  /// Throws RequestError when the plan makes no sense.
  explicit Shard(ShardPlan plan);

  /// False: not yet, to be asked again after something has changed.
  /// `answer.data` is memory of ours, good until the next request. Throws
  /// RequestError, and then nothing has changed.
  bool handle(const Message& request, Message& answer);

  bool ready() const { return ready_; }
  std::int64_t version() const { return version_; }
  std::int64_t updates() const { return updates_; }
  const ShardPlan& plan() const { return plan_; }
  /// A worker is gone: what it pushed and did not apply goes too.
  void forget(std::uint64_t worker);

  /// How many updates were applied by how many others came between a worker's
  /// pull and its push.
  const std::map<std::int64_t, std::int64_t>& delays() const { return delays_; }

  /// All of the state, for a backup that gets the requests after this instant.
  void save(SnapshotWriter& out) const;
  /// The reverse. Throws RequestError.
  static std::unique_ptr<Shard> restore(SnapshotReader& in);

 private:
  struct Worker {
    GradientAccumulator accumulator;
    std::vector<float> decoded;                             // instead, with compression
    std::int64_t arrived = 0;                               // elements of it, from the first on
    std::uint64_t task = 0;                                 // that is gathered
    std::uint64_t applied = 0;                              // the last one
    std::map<std::uint64_t, std::int64_t> versions;         // by task: what was pulled for it
    std::map<std::uint64_t, std::vector<float>> snapshots;  // dc_asgd: the weights then
  };
  void save(SnapshotWriter& out, const Worker& worker) const;
  void restore(SnapshotReader& in, Worker& worker) const;
  void restore_state(SnapshotReader& in);

  bool bsp() const { return plan_.options.consistency == "bsp"; }
  void load(const Message& request);
  void push(const Message& request);
  std::span<const float> data_of(const Message& request);
  void decode_push(Worker& worker, const Message& request) const;
  bool came_whole(const Worker& worker, const Message& request) const;
  bool squares(const Message& request, Message& answer);
  bool apply(const Message& request);
  bool apply_step(const Message& request);
  bool apply_task(const Message& request);
  bool pull(const Message& request, Message& answer);
  void leave_out_unchanged(const Message& request, Message& answer);
  void mark_changed(const ShardBlock& block);
  void fetch(const Message& request, Message& answer) const;
  bool gathered();
  std::int64_t delay_of(Worker& worker, std::uint64_t task) const;
  void compensate(Worker& worker, std::uint64_t task, float* gradient, double scale) const;
  void update(const float* gradient, const Message& request, double rate, double scale);
  const std::vector<float>& array_of(const Message& request) const;

  ShardPlan plan_;
  std::unique_ptr<Optimizer> optimizer_;
  std::unique_ptr<Codec> codec_;  // null: gradients come as they are
  std::vector<ShardBlock> blocks_;
  std::int64_t size_ = 0;
  std::vector<std::vector<float>> arrays_;  // weights, states
  bool ready_ = false;
  std::int64_t version_ = 0;
  std::int64_t updates_ = 0;
  std::map<std::int64_t, std::int64_t> delays_;
  std::vector<std::int64_t> changed_;  // by line: the version that changed it last
  std::vector<float> before_;          // a block, before its update
  std::vector<float> lines_;           // of a push or an answer
  std::uint32_t number_;               // tells this shard from its backup

  GradientAccumulator step_;  // bsp
  float* sum_ = nullptr;      // of step_, once it is complete
  bool summed_ = false;
  std::vector<double> squares_;
  std::map<std::uint64_t, Worker> workers_;  // ssp, async
};

}  // namespace convoy::server
