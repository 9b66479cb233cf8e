#include "convoy/optim/optimizer.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "convoy/core/error.hpp"
#include "core/vectorise.hpp"

namespace convoy {
namespace {

inline float prepared(float gradient, const UpdateContext& context) {
  const float scaled = gradient * context.gradient_scale;
  return context.clip_value > 0 ? std::clamp(scaled, -context.clip_value, context.clip_value)
                                : scaled;
}

struct SgdNumbers {
  float rate, momentum, weight_decay;
};

// torch/csrc/api/src/optim/sgd.cpp: g += decay*w; v = momentum*v + g (first step: v = g); nesterov:
// g += momentum*v. (Weights and states before and after are the same memory, or apart.)
template <bool momentum, bool nesterov>
CONVOY_VECTORISE void sgd_loop(const float* w_before, float* w, const float* __restrict g,
                               const float* v_before, float* v, std::int64_t count, SgdNumbers n,
                               UpdateContext context) {
#pragma GCC ivdep
  for (std::int64_t i = 0; i < count; ++i) {
    float d = prepared(g[i], context) + n.weight_decay * w_before[i];
    if constexpr (momentum) {
      v[i] = n.momentum * v_before[i] + d;
      d = nesterov ? d + n.momentum * v[i] : v[i];
    }
    w[i] = w_before[i] - n.rate * d;
  }
}

class Sgd : public Optimizer {
 public:
  using Optimizer::update;
  explicit Sgd(const OptimizerOptions& options) : options_(options) {}
  int states() const override { return options_.momentum != 0 ? 1 : 0; }
  void update(const float* w, const float* g, std::span<float* const> from, float* new_w,
              std::span<float* const> to, std::int64_t count,
              const UpdateContext& context) const override {
    const SgdNumbers n{static_cast<float>(context.rate), static_cast<float>(options_.momentum),
                       static_cast<float>(options_.weight_decay)};
    if (options_.momentum == 0)
      return sgd_loop<false, false>(w, new_w, g, nullptr, nullptr, count, n, context);
    if (options_.nesterov)
      return sgd_loop<true, true>(w, new_w, g, from[0], to[0], count, n, context);
    sgd_loop<true, false>(w, new_w, g, from[0], to[0], count, n, context);
  }

 private:
  OptimizerOptions options_;
};

struct AdamNumbers {
  float beta1, beta2, one_minus_beta1, one_minus_beta2, epsilon, step_size, correction2_root, l2,
      shrink;
};

CONVOY_VECTORISE void adam_loop(const float* w_before, float* w, const float* __restrict g,
                                const float* m_before, const float* v_before, float* m, float* v,
                                std::int64_t count, AdamNumbers n, UpdateContext context) {
#pragma GCC ivdep
  for (std::int64_t i = 0; i < count; ++i) {
    const float d = prepared(g[i], context) + n.l2 * w_before[i];
    const float mean = n.beta1 * m_before[i] + n.one_minus_beta1 * d;
    const float square = n.beta2 * v_before[i] + n.one_minus_beta2 * d * d;
    m[i] = mean;
    v[i] = square;
    const float denominator = std::sqrt(square) / n.correction2_root + n.epsilon;
    w[i] = w_before[i] * n.shrink - n.step_size * (mean / denominator);
  }
}

class Adam : public Optimizer {
 public:
  using Optimizer::update;
  Adam(const OptimizerOptions& options, bool decoupled)
      : options_(options), decoupled_(decoupled) {}
  int states() const override { return 2; }
  void update(const float* w, const float* g, std::span<float* const> from, float* new_w,
              std::span<float* const> to, std::int64_t count,
              const UpdateContext& context) const override {
    const OptimizerOptions& o = options_;
    const double t = static_cast<double>(context.step) + 1;
    AdamNumbers n{};
    n.beta1 = static_cast<float>(o.beta1);
    n.beta2 = static_cast<float>(o.beta2);
    n.one_minus_beta1 = static_cast<float>(1 - o.beta1);
    n.one_minus_beta2 = static_cast<float>(1 - o.beta2);
    n.epsilon = static_cast<float>(o.epsilon);
    n.step_size = static_cast<float>(context.rate / (1 - std::pow(o.beta1, t)));
    n.correction2_root = static_cast<float>(std::sqrt(1 - std::pow(o.beta2, t)));
    n.l2 = decoupled_ ? 0 : static_cast<float>(o.weight_decay);
    n.shrink = decoupled_ ? static_cast<float>(1 - context.rate * o.weight_decay) : 1;
    adam_loop(w, new_w, g, from[0], from[1], to[0], to[1], count, n, context);
  }

 private:
  OptimizerOptions options_;
  bool decoupled_;
};

}  // namespace

std::unique_ptr<Optimizer> make_optimizer(const OptimizerOptions& options) {
  if (options.kind == "sgd") return std::make_unique<Sgd>(options);
  if (options.kind == "adam") return std::make_unique<Adam>(options, false);
  if (options.kind == "adamw") return std::make_unique<Adam>(options, true);
  throw InputError(fmt::format(
      "train.optimizer.kind: unknown optimizer '{}'; use sgd, adam or adamw", options.kind));
}

}  // namespace convoy
