#include "convoy/optim/schedule.hpp"

#include <algorithm>

namespace convoy {

schema::Registry<ScheduleKind>& schedules() {
  static schema::Registry<ScheduleKind> all("schedule", "schedules", "train.schedule.kind");
  return all;
}

double scheduled_rate(const ScheduleOptions& schedule, double base_rate, std::int64_t step,
                      std::int64_t total, std::int64_t steps_per_epoch) {
  const ScheduleKind& kind = schedules().get(schedule.kind);
  if (step < schedule.warmup)
    return base_rate * static_cast<double>(step + 1) / static_cast<double>(schedule.warmup);
  const auto span = static_cast<double>(std::max<std::int64_t>(total - schedule.warmup, 1));
  const double progress = std::min(static_cast<double>(step - schedule.warmup) / span, 1.0);
  return base_rate * kind.factor(schedule.own, {.step = step,
                                                .epoch = step / steps_per_epoch,
                                                .progress = progress,
                                                .steps_per_epoch = steps_per_epoch});
}

}  // namespace convoy
