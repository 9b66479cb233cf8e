#pragma once
// How the workers of a job train one model: the part of a run that is different for synchronous
// steps, steps of each worker's own, and parameter servers. The Trainer knows strategies by this
// interface alone; who writes one registers it (strategies/registry.hpp).
#include <cstdint>
#include <exception>
#include <functional>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "convoy/checkpoint/checkpoint.hpp"
#include "convoy/core/tensor.hpp"
#include "convoy/engine/nonfinite.hpp"
#include "convoy/lanes/lane.hpp"
#include "convoy/strategies/traits.hpp"

#pragma GCC visibility push(default)

namespace convoy {

class Communicator;
class Dataset;
class Engine;
struct Inference;

/// Steps that changed the weights of this worker, and steps that it left out.
struct StepCounts {
  std::int64_t updates = 0;
  std::int64_t skipped = 0;
};

/// What all workers are to do after a step. Of several requests the greatest counts.
enum class Request : std::int64_t { none, change_members, stop };

/// Lanes that moved after a step: who has which now, by rank.
struct MovedLanes {
  std::vector<Range> lanes;
  double imbalance_before = 0;  ///< the slowest worker's time by the mean
};

/// Of a step.
struct StepNumbers {
  double loss = 0;  ///< mean over the samples
  double rate = 0;  ///< learning rate
  double norm = 0;  ///< L2 norm of the gradient, before clipping
};

/// What a step came to: the same on all workers of a group, where they take it together.
struct StepOutcome {
  std::int64_t step = 0;  ///< steps that are over. With servers: several more, or none, at a time
  std::optional<StepNumbers> numbers;  ///< of the last one, where this worker knows them
  std::optional<NonFinite> skipped;    ///< why the step was left out
  Request request = Request::none;
  std::optional<MovedLanes> moved;
  nlohmann::ordered_json tuned;  ///< what was found, where a size has just been settled; else null
  /// Weights are those of no certain step: what is due after earlier ones is done with them too.
  bool approximate = false;
  /// The step is over here, but the group broke meanwhile: to be thrown when it has been counted.
  std::exception_ptr broken;
  bool left = false;  ///< this worker takes no more part
};

/// What is told when a step's loss or gradient is not finite and the job says to stop there.
std::string nonfinite_advice(const NonFinite& found, std::int64_t step);

/// Where a strategy puts what a checkpoint is to hold. Tensors may be views: they are written, or
/// copied, before training goes on.
struct StateWriter {
  std::int64_t step = 0;      ///< steps that are over
  bool first = false;         ///< this worker's `whole` is kept, the others' is not
  CheckpointState whole;      ///< its tensors are copies
  std::optional<Shard> part;  ///< this worker's own, where has_parts() says so
};

/// What worker 0 has read of a checkpoint: the whole state, with each worker's own tensors as
/// "workerN/NAME". Those that a strategy takes out of it are its to keep.
struct StateReader {
  CheckpointState state;
  std::string file;  ///< for messages
};

/// A trained model: null on workers that have none.
struct StrategyResult {
  std::shared_ptr<torch::nn::Module> model;  ///< in eval mode
  std::string weights_sha256;
};

/// One worker's part of it. All workers of a group call the same functions in the same order
/// (collective), from one thread. Functions that communicate throw PeerError when a worker is lost.
class Strategy {
 public:
  virtual ~Strategy() = default;

  virtual const StrategyTraits& traits() const = 0;

  /// From now on with these workers: `lanes[r]` are those of rank r. A null group: alone.
  virtual void enter(Communicator* group, const std::vector<Range>& lanes) = 0;
  /// The group is aborted; it may be broken. What this worker has stays.
  virtual void leave() = 0;

  /// Takes step `n` (0-based). When it throws, nothing has changed: weights, optimizer state and
  /// counts are those after n steps, and the step may be tried again by whoever is left.
  virtual StepOutcome step(std::int64_t n) = 0;

  /// `work` sees the one model that the workers' own ones stand for, in engine().weights().
  virtual void with_model(const std::function<void()>& work) { work(); }

  /// Whether each worker keeps a part of the state, or the first all of it. Of the group it is in.
  virtual bool has_parts() const { return false; }
  /// Inside with_model. Called on all workers where has_parts(), else on the first alone.
  virtual void save(StateWriter& writer) = 0;
  /// Collective: everybody's state becomes that of a checkpoint. `reader`: null but on the first.
  /// Throws InputError when it is of another model or job.
  virtual void load(StateReader* reader) = 0;
  /// Collective: the ranks `takers` get all that `source` has.
  virtual void copy_from(int source, const std::vector<int>& takers) = 0;
  /// As before the first step.
  virtual void forget() = 0;

  virtual StepCounts counts() const = 0;
  virtual void set_counts(const StepCounts& counts) = 0;

  /// The last step, of the `step` that are over, after which all workers had one state.
  virtual std::int64_t agreed(std::int64_t step) const { return step; }
  /// After workers were lost: whether one that last agreed after `mine` steps keeps what it has, or
  /// begins as a copy of the one that came furthest. `finished`: that one is at the end.
  virtual bool keeps_own(std::int64_t mine, std::int64_t furthest, bool /*finished*/) const {
    return mine == furthest;
  }
  /// The state is that after `step` steps, and all agreed last after `agreed`: training goes on.
  virtual void start_at(std::int64_t /*step*/, std::int64_t /*agreed*/) {}
  /// Of an earlier step, where this worker knows them.
  virtual std::optional<StepNumbers> numbers_of(std::int64_t /*step*/) const { return {}; }

  /// A digest of what all workers have alike; empty where there is nothing to compare.
  virtual std::string digest() const { return {}; }

  /// Collective: the model's outputs for a dataset; all of them on the first worker.
  virtual Inference infer(const Dataset& dataset, std::int64_t batch) = 0;
  /// Collective: what training came to.
  virtual StrategyResult result() = 0;

  /// What there is to tell of this worker: `communication` (of all workers alike), `worker` (its
  /// own entry of summary.json), `compression`, `balance`; parts that say nothing are left out.
  virtual nlohmann::ordered_json report() const = 0;

  virtual Engine& engine() = 0;
  virtual std::int64_t parameters() const = 0;
};

}  // namespace convoy

#pragma GCC visibility pop
