// Adam (Kingma & Ba 2015) and AdamW (Loshchilov & Hutter 2019).
#include <cmath>

#include "convoy/core/vectorise.hpp"
#include "convoy/optim/optimizer.hpp"

namespace convoy {

void describe(schema::Visitor& v, AdamOptions& o) {
  v.key("weight_decay", o.weight_decay, schema::at_least(0),
        "L2 penalty (adam) or decoupled decay (adamw)");
  v.key("beta1", o.beta1, schema::part(), "decay of the mean of gradients");
  v.key("beta2", o.beta2, schema::part(), "decay of the mean of squared gradients");
  v.key("epsilon", o.epsilon, schema::above(0), "added to the divisor");
}

namespace {

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
  Adam(const AdamOptions& options, bool decoupled) : options_(options), decoupled_(decoupled) {}
  int states() const override { return 2; }
  void update(const float* w, const float* g, std::span<float* const> from, float* new_w,
              std::span<float* const> to, std::int64_t count,
              const UpdateContext& context) const override {
    const AdamOptions& o = options_;
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
  AdamOptions options_;
  bool decoupled_;
};

OptimizerKind adam_kind(std::string name, std::string doc, bool decoupled) {
  return {{.name = std::move(name), .doc = std::move(doc), .options = AdamOptions{}},
          [decoupled](const schema::AnyOptions& options) {
            return std::make_unique<Adam>(options.as<AdamOptions>(), decoupled);
          }};
}

const schema::Registered adam(optimizers(),
                              adam_kind("adam", "adaptive moments, weight decay as an L2 penalty",
                                        false));
const schema::Registered adamw(optimizers(),
                               adam_kind("adamw",
                                         "adaptive moments, weight decay apart from the gradient",
                                         true));

}  // namespace
}  // namespace convoy
