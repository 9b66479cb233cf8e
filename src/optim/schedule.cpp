#include "convoy/optim/schedule.hpp"

#include <algorithm>
#include <cmath>

namespace convoy {

double scheduled_rate(const ScheduleOptions& schedule, double base_rate, std::int64_t step,
                      std::int64_t total, std::int64_t steps_per_epoch) {
  if (step < schedule.warmup)
    return base_rate * static_cast<double>(step + 1) / static_cast<double>(schedule.warmup);
  if (schedule.kind == "step") {
    const std::int64_t epoch = step / steps_per_epoch;
    return base_rate *
           std::pow(schedule.factor,
                    static_cast<double>(epoch / std::max<std::int64_t>(schedule.every, 1)));
  }
  const auto span = static_cast<double>(std::max<std::int64_t>(total - schedule.warmup, 1));
  const double progress = std::min(static_cast<double>(step - schedule.warmup) / span, 1.0);
  if (schedule.kind == "cosine") {
    const double wave = 0.5 * (1 + std::cos(M_PI * progress));
    return base_rate * (schedule.floor + (1 - schedule.floor) * wave);
  }
  if (schedule.kind == "linear") return base_rate * (1 - (1 - schedule.floor) * progress);
  return base_rate;
}

}  // namespace convoy
