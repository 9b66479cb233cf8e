#pragma once
// What an optimizer is to Compute: a rule for the elements of flat buffers.
#include <cstdint>
#include <span>

#pragma GCC visibility push(default)

namespace convoy {

/// What one step's update needs beside the gradient.
struct UpdateContext {
  std::int64_t step = 0;     ///< updates applied before this one; skipped steps do not count
  double rate = 0;           ///< learning rate of this step, schedule applied
  float gradient_scale = 1;  ///< multiplies every gradient element (clipping by norm)
  float clip_value = 0;      ///< then clamps it to [-clip_value, clip_value]; 0: off
};

/// Element-wise: each element depends on its own history alone, so whoever updates any piece of the
/// parameters gets the same bits. Thread-safe as long as calls at the same time touch different
/// elements.
class UpdateRule {
 public:
  virtual ~UpdateRule() = default;
  /// Number of state values an element keeps (momentum: 1, Adam: 2).
  virtual int states() const = 0;
  /// new_weights[i] from weights[i] and gradient[i] for every i < count; states[k] points at the
  /// k-th state of the first element, new_states[k] at where the new one is put. What is new goes
  /// to the place of the old, or to one apart. All in memory of the host: a Compute calls this, or
  /// does the same on its device.
  virtual void update(const float* weights, const float* gradient, std::span<float* const> states,
                      float* new_weights, std::span<float* const> new_states, std::int64_t count,
                      const UpdateContext& context) const = 0;
  /// The same in place.
  void update(float* weights, const float* gradient, std::span<float* const> states,
              std::int64_t count, const UpdateContext& context) const {
    update(weights, gradient, states, weights, states, count, context);
  }
};

}  // namespace convoy

#pragma GCC visibility pop
