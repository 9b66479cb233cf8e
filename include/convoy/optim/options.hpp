#pragma once
// How gradients become changes of the weights. No libtorch in this header.
#include <cstdint>
#include <string>

#include "convoy/schema/any_options.hpp"

#pragma GCC visibility push(default)

namespace convoy {

/// The update rule: one of optimizers() (optim/optimizer.hpp), such as
/// {.kind = "sgd", .rate = 0.1, .own = SgdOptions{.momentum = 0.9}}.
struct OptimizerOptions {
  std::string kind = "sgd";
  double rate = 0.01;  ///< learning rate
  schema::AnyOptions own = {};
};

/// sgd.
struct SgdOptions {
  double momentum = 0;
  bool nesterov = false;
  double weight_decay = 0;  ///< L2 penalty
};

/// adam, adamw.
struct AdamOptions {
  double weight_decay = 0;  ///< adam: L2 penalty; adamw: decoupled
  double beta1 = 0.9;
  double beta2 = 0.999;
  double epsilon = 1e-8;
};

/// How the learning rate changes over time: one of schedules() (optim/schedule.hpp).
struct ScheduleOptions {
  std::string kind = "constant";
  std::int64_t warmup = 0;  ///< steps of linear warm-up from 0
  schema::AnyOptions own = {};
};

/// step.
struct StepDecayOptions {
  std::int64_t every = 0;  ///< multiply by `factor` after each `every` epochs
  double factor = 0.1;
};

/// cosine, linear.
struct DecayOptions {
  double floor = 0;  ///< the last rate as a part of the first
};

/// Limits on the gradient.
struct ClipOptions {
  double norm = 0;   ///< scale the gradient so that its L2 norm is at most this; 0: off
  double value = 0;  ///< clamp each element to [-value, value]; 0: off
};

void describe(schema::Visitor& v, SgdOptions& o);
void describe(schema::Visitor& v, AdamOptions& o);
void describe(schema::Visitor& v, StepDecayOptions& o);
void describe(schema::Visitor& v, DecayOptions& o);

namespace schema {

void describe(Visitor& v, OptimizerOptions& o);
void describe(Visitor& v, ScheduleOptions& o);
void describe(Visitor& v, ClipOptions& o);

}  // namespace schema

}  // namespace convoy

#pragma GCC visibility pop
