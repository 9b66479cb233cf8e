#pragma once
// Learning rates over time. No libtorch in this header.
#include <cstdint>
#include <functional>

#include "convoy/optim/options.hpp"
#include "convoy/schema/registry.hpp"

#pragma GCC visibility push(default)

namespace convoy {

/// How far a run has come, warm-up done.
struct ScheduleTime {
  std::int64_t step = 0;   ///< from 0, warm-up included
  std::int64_t epoch = 0;  ///< from 0
  double progress = 0;     ///< from 0 (end of the warm-up) to 1 (end of the run)
  std::int64_t steps_per_epoch = 1;
};

struct ScheduleKind : schema::Registration {
  /// What the base rate is multiplied by. A pure function: every worker asks by itself.
  std::function<double(const schema::AnyOptions&, const ScheduleTime&)> factor;
};

schema::Registry<ScheduleKind>& schedules();

/// The learning rate of `step` (0-based) of `total` steps: warm-up, then the schedule.
/// `steps_per_epoch` > 0. Throws InputError for a kind that there is not, and options of another
/// kind.
double scheduled_rate(const ScheduleOptions& schedule, double base_rate, std::int64_t step,
                      std::int64_t total, std::int64_t steps_per_epoch);

}  // namespace convoy

#pragma GCC visibility pop
