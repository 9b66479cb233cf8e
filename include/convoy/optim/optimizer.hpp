#pragma once
// Optimizers as fused flat loops: one pass over a piece of the parameters reads the gradient,
// updates the state and the weights. Each element depends on its own history alone, so any owner of
// any piece computes the same bits.
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "convoy/optim/options.hpp"

namespace convoy {

/// What one step's update needs beside the gradient.
struct UpdateContext {
  std::int64_t step = 0;     ///< updates applied before this one; skipped steps do not count
  double rate = 0;           ///< learning rate of this step, schedule applied
  float gradient_scale = 1;  ///< multiplies every gradient element (clipping by norm)
  float clip_value = 0;      ///< then clamps it to [-clip_value, clip_value]; 0: off
};

/// Element-wise optimizer over flat float32 arrays. Thread-safe as long as calls at the same time
/// touch different elements. Equal to libtorch's SGD, Adam and AdamW (tested step by step).
class Optimizer {
 public:
  virtual ~Optimizer() = default;
  /// Number of state values an element keeps (momentum: 1, Adam: 2).
  virtual int states() const = 0;
  /// Updates weights[i] from gradient[i] for every i < count; from[k] points at the k-th state of
  /// the first element, and to[k] at where the new one is put: the same place, or one apart.
  virtual void update(float* weights, const float* gradient, std::span<float* const> from,
                      std::span<float* const> to, std::int64_t count,
                      const UpdateContext& context) const = 0;
  /// The same in place.
  void update(float* weights, const float* gradient, std::span<float* const> state,
              std::int64_t count, const UpdateContext& context) const {
    update(weights, gradient, state, state, count, context);
  }
};

/// By `kind`: sgd (with momentum, Nesterov, weight decay), adam (Kingma & Ba 2015, L2 weight
/// decay), adamw (Loshchilov & Hutter 2019, decoupled). Throws InputError for anything else.
std::unique_ptr<Optimizer> make_optimizer(const OptimizerOptions& options);

/// The learning rate of `step` (0-based) of `total` steps: warm-up, then the schedule.
/// `steps_per_epoch` > 0.
double scheduled_rate(const ScheduleOptions& schedule, double base_rate, std::int64_t step,
                      std::int64_t total, std::int64_t steps_per_epoch);

}  // namespace convoy
