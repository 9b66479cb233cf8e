// The same rate all the time.
#include "convoy/optim/schedule.hpp"

namespace convoy {
namespace {

const schema::Registered constant_schedule(
    schedules(), ScheduleKind{{.name = "constant", .doc = "the rate stays what it is"},
                              [](const schema::AnyOptions&, const ScheduleTime&) { return 1.0; }});

}  // namespace
}  // namespace convoy
