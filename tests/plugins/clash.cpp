// Registers what there is already.
#include "convoy/optim/schedule.hpp"
#include "convoy/plugin.hpp"

CONVOY_PLUGIN("clash", "1.0")

namespace {

const convoy::schema::Registered clash(convoy::schedules(),
                                       convoy::ScheduleKind{
                                           {.name = "constant", .doc = "another one"},
                                           [](const convoy::schema::AnyOptions&,
                                              const convoy::ScheduleTime&) { return 2.0; }});

}  // namespace
