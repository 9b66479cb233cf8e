#pragma once
// How gradients become changes of the weights. No libtorch in this header.
#include <cstdint>
#include <string>

namespace convoy {

/// The update rule.
struct OptimizerOptions {
  std::string kind = "sgd";  ///< sgd, adam, adamw
  double rate = 0.01;        ///< learning rate
  double momentum = 0;       ///< sgd
  bool nesterov = false;     ///< sgd
  double weight_decay = 0;
  double beta1 = 0.9;  ///< adam, adamw
  double beta2 = 0.999;
  double epsilon = 1e-8;
};

/// How the learning rate changes over time.
struct ScheduleOptions {
  std::string kind = "constant";  ///< constant, step, cosine, linear
  std::int64_t warmup = 0;        ///< steps of linear warm-up from 0
  std::int64_t every = 0;         ///< step: multiply by `factor` after each `every` epochs
  double factor = 0.1;            ///< step
  double floor = 0;               ///< cosine, linear: the last rate as a part of the first
};

/// Limits on the gradient.
struct ClipOptions {
  double norm = 0;   ///< scale the gradient so that its L2 norm is at most this; 0: off
  double value = 0;  ///< clamp each element to [-value, value]; 0: off
};

namespace schema {

class Visitor;

void describe(Visitor& v, OptimizerOptions& o);
void describe(Visitor& v, ScheduleOptions& o);
void describe(Visitor& v, ClipOptions& o);

}  // namespace schema

}  // namespace convoy
