// From the whole rate to a part of it, over the run: a line, or half a cosine (Loshchilov & Hutter
// 2017, without restarts).
#include <cmath>

#include "convoy/optim/schedule.hpp"

namespace convoy {

void describe(schema::Visitor& v, DecayOptions& o) {
  v.key("floor", o.floor, schema::between(0, 1), "the last rate as a part of the first");
}

namespace {

double cosine_factor(const schema::AnyOptions& options, const ScheduleTime& time) {
  const double floor = options.as<DecayOptions>().floor;
  const double wave = 0.5 * (1 + std::cos(M_PI * time.progress));
  return floor + (1 - floor) * wave;
}

double linear_factor(const schema::AnyOptions& options, const ScheduleTime& time) {
  return 1 - (1 - options.as<DecayOptions>().floor) * time.progress;
}

const schema::Registered cosine_schedule(schedules(),
                                         ScheduleKind{
                                             {.name = "cosine",
                                              .doc = "falls along half a cosine to `floor`",
                                              .options = DecayOptions{}},
                                             cosine_factor});
const schema::Registered linear_schedule(schedules(),
                                         ScheduleKind{{.name = "linear",
                                                       .doc = "falls along a line to `floor`",
                                                       .options = DecayOptions{}},
                                                      linear_factor});

}  // namespace
}  // namespace convoy
