// Multiplied by a factor every so many epochs.
#include <algorithm>
#include <cmath>

#include "convoy/optim/schedule.hpp"

namespace convoy {

void describe(schema::Visitor& v, StepDecayOptions& o) {
  v.key("every", o.every, schema::at_least(0),
        "epochs after each of which the rate is multiplied by `factor`");
  v.key("factor", o.factor, schema::above(0), "the multiplier");
}

namespace {

double step_factor(const schema::AnyOptions& options, const ScheduleTime& time) {
  const auto step = options.as<StepDecayOptions>();
  return std::pow(step.factor,
                  static_cast<double>(time.epoch / std::max<std::int64_t>(step.every, 1)));
}

std::optional<schema::Problem> step_problem(const schema::AnyOptions& options) {
  if (options.as<StepDecayOptions>().every > 0) return std::nullopt;
  return schema::Problem{"every", "is missing; write after how many epochs each step comes"};
}

const schema::Registered step_schedule(
    schedules(), ScheduleKind{{.name = "step",
                               .doc = "multiplied by `factor` after each `every` epochs",
                               .options = StepDecayOptions{},
                               .problem = step_problem},
                              step_factor});

}  // namespace
}  // namespace convoy
