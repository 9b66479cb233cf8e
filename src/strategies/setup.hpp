#pragma once
// What a strategy is made from.
#include <atomic>
#include <memory>
#include <string>

#include "convoy/comm/communicator.hpp"
#include "convoy/core/trace.hpp"
#include "convoy/model/columns.hpp"
#include "convoy/optim/schedule.hpp"
#include "convoy/server/server_group.hpp"
#include "convoy/strategies/options.hpp"
#include "convoy/strategies/strategy.hpp"
#include "engine/engine.hpp"

namespace convoy {

/// How a step's gradient becomes an update, whatever the strategy.
struct StepRules {
  ScheduleOptions schedule;
  double base_rate = 0;
  ClipOptions clip;
  bool skip_nonfinite = false;    ///< such a step is left out; else the run stops there
  std::int64_t verify_every = 0;  ///< steps between comparisons of the workers' weights; 0: none
  std::int64_t steps = 0;         ///< of the run
  std::int64_t steps_per_epoch = 1;

  double rate(std::int64_t step) const {
    return scheduled_rate(schedule, base_rate, step, steps, steps_per_epoch);
  }
};

/// What a strategy asks, and tells, whoever runs it while a step goes on. Thread-safe.
class StepControl {
 public:
  virtual ~StepControl() = default;
  /// This worker was asked to stop the run; to leave it, and may.
  virtual bool stop_requested() const { return false; }
  virtual bool leave_requested() const { return false; }
  /// Whether this worker records the run: it writes the run's folder.
  virtual bool records() const { return true; }
  /// The group is to be left for one of other members after this step.
  virtual bool change_requested() const { return false; }
  /// Steps that are over, and whether this worker computes now, or waits for others.
  virtual void computing(std::int64_t /*step*/) {}
  virtual void communicating(std::int64_t /*step*/) {}
};

struct StrategySetup {
  EngineOptions engine;
  StrategyOptions options;
  StepRules rules;
  StepControl* control = nullptr;
  Trace* trace = nullptr;  ///< the timeline; null: none
  bool elastic = false;    ///< workers come and go
  /// By column: the model cut in two, and the fixed group; the engine's factory makes the head.
  std::shared_ptr<const ColumnModel> columns;
  Communicator* group = nullptr;
  ModelFactory whole_model;  ///< the same model in one piece
  /// With parameter servers: those in processes of their own, or null; what all workers must agree
  /// on; one replica that plays a slow machine (-1: none).
  std::shared_ptr<ServerGroup> servers;
  std::string identity;
  int slow_replica = -1;
  double slowness = 0;
};

}  // namespace convoy
