#pragma once
// Optimizers as fused flat loops: one pass over a piece of the parameters reads the gradient,
// updates the state and the weights. Each element depends on its own history alone, so any owner of
// any piece computes the same bits.
#include <algorithm>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>

#include "convoy/compute/update.hpp"
#include "convoy/optim/options.hpp"
#include "convoy/schema/registry.hpp"

#pragma GCC visibility push(default)

namespace convoy {

/// Element-wise optimizer over flat arrays. Convoy's own are equal to libtorch's (tested step by
/// step).
class Optimizer : public UpdateRule {};

/// A gradient's element as an optimizer is to see it: scaled and clipped. For loops under
/// CONVOY_VECTORISE (convoy/core/vectorise.hpp).
inline float prepared(float gradient, const UpdateContext& context) {
  const float scaled = gradient * context.gradient_scale;
  return context.clip_value > 0 ? std::clamp(scaled, -context.clip_value, context.clip_value)
                                : scaled;
}

struct OptimizerKind : schema::Registration {
  /// Of options as the registration's; throws InputError where they cannot work.
  std::function<std::unique_ptr<Optimizer>(const schema::AnyOptions&)> make;
};

schema::Registry<OptimizerKind>& optimizers();

/// By `kind`. Throws InputError for one that there is not, and options of another kind.
std::unique_ptr<Optimizer> make_optimizer(const OptimizerOptions& options);

}  // namespace convoy

#pragma GCC visibility pop
