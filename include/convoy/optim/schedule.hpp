#pragma once
// Learning rates over time. No libtorch in this header.
#include <cstdint>

#include "convoy/optim/options.hpp"

namespace convoy {

/// The learning rate of `step` (0-based) of `total` steps: warm-up, then the schedule.
/// `steps_per_epoch` > 0.
double scheduled_rate(const ScheduleOptions& schedule, double base_rate, std::int64_t step,
                      std::int64_t total, std::int64_t steps_per_epoch);

}  // namespace convoy
