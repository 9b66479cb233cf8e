#include "convoy/optim/options.hpp"

#include "convoy/schema/schema.hpp"

namespace convoy::schema {

void describe(Visitor& v, OptimizerOptions& o) {
  v.key("kind", o.kind, choice({"sgd", "adam", "adamw"}), "the update rule");
  v.key("rate", o.rate, above(0), "learning rate");
  v.key("momentum", o.momentum, part().only_for({"sgd"}), "how much of the last update is kept");
  v.key("nesterov", o.nesterov, any().only_for({"sgd"}), "Nesterov momentum");
  v.key("weight_decay", o.weight_decay, at_least(0),
        "L2 penalty (sgd, adam) or decoupled decay (adamw)");
  v.key("beta1", o.beta1, part().only_for({"adam", "adamw"}), "decay of the mean of gradients");
  v.key("beta2", o.beta2, part().only_for({"adam", "adamw"}),
        "decay of the mean of squared gradients");
  v.key("epsilon", o.epsilon, above(0).only_for({"adam", "adamw"}), "added to the divisor");
}

void describe(Visitor& v, ScheduleOptions& o) {
  v.key("kind", o.kind, choice({"constant", "step", "cosine", "linear"}),
        "how the learning rate goes on after warm-up");
  v.key("warmup", o.warmup, at_least(0), "steps of linear warm-up from 0");
  v.key("every", o.every, at_least(0).only_for({"step"}),
        "epochs after each of which the rate is multiplied by `factor`");
  v.key("factor", o.factor, above(0).only_for({"step"}), "the multiplier");
  v.key("floor", o.floor, between(0, 1).only_for({"cosine", "linear"}),
        "the last rate as a part of the first");
}

void describe(Visitor& v, ClipOptions& o) {
  v.key("norm", o.norm, at_least(0),
        "scales the gradient so that its L2 norm is at most this; 0: off");
  v.key("value", o.value, at_least(0),
        "clamps each element of the gradient to [-value, value]; 0: off");
}

}  // namespace convoy::schema
