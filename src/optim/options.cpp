#include "convoy/optim/options.hpp"

#include "convoy/optim/optimizer.hpp"
#include "convoy/optim/schedule.hpp"

namespace convoy::schema {

void describe(Visitor& v, OptimizerOptions& o) {
  chosen(v, optimizers(), o.kind, o.own, "the update rule");
  v.key("rate", o.rate, above(0), "learning rate");
}

void describe(Visitor& v, ScheduleOptions& o) {
  chosen(v, schedules(), o.kind, o.own, "how the learning rate goes on after warm-up");
  v.key("warmup", o.warmup, at_least(0), "steps of linear warm-up from 0");
}

void describe(Visitor& v, ClipOptions& o) {
  v.key("norm", o.norm, at_least(0),
        "scales the gradient so that its L2 norm is at most this; 0: off");
  v.key("value", o.value, at_least(0),
        "clamps each element of the gradient to [-value, value]; 0: off");
}

}  // namespace convoy::schema
