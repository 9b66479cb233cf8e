// A schedule: one cycle (Smith & Topin 2018, "Super-Convergence"): up from a part of the rate along
// a line, then down along half a cosine.
#include <cmath>
#include <convoy/optim/schedule.hpp>
#include <convoy/plugin.hpp>
#include <numbers>

CONVOY_PLUGIN("one_cycle", "1.0")

namespace {

namespace schema = convoy::schema;

struct OneCycleOptions {
  double start = 0.04;
  double rise = 0.3;
  double floor = 0;
};

void describe(schema::Visitor& v, OneCycleOptions& o) {
  v.key("start", o.start, schema::between(0, 1), "the first rate as a part of the highest");
  v.key("rise", o.rise, schema::part(), "the part of the run in which the rate rises");
  v.key("floor", o.floor, schema::between(0, 1), "the last rate as a part of the highest");
}

double one_cycle_factor(const schema::AnyOptions& options, const convoy::ScheduleTime& time) {
  const auto o = options.as<OneCycleOptions>();
  if (time.progress < o.rise) return o.start + (1 - o.start) * time.progress / o.rise;
  const double down = (time.progress - o.rise) / (1 - o.rise);
  return o.floor + (1 - o.floor) * 0.5 * (1 + std::cos(std::numbers::pi * down));
}

const schema::Registered one_cycle(convoy::schedules(),
                                   convoy::ScheduleKind{
                                       {.name = "one_cycle",
                                        .doc = "up along a line, then down along half a cosine",
                                        .options = OneCycleOptions{}},
                                       one_cycle_factor});

}  // namespace
