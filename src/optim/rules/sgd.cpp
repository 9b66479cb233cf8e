// Stochastic gradient descent, with momentum, Nesterov's and weight decay.
#include "convoy/core/vectorise.hpp"
#include "convoy/optim/optimizer.hpp"

namespace convoy {

void describe(schema::Visitor& v, SgdOptions& o) {
  v.key("momentum", o.momentum, schema::part(), "how much of the last update is kept");
  v.key("nesterov", o.nesterov, schema::any(), "Nesterov momentum");
  v.key("weight_decay", o.weight_decay, schema::at_least(0), "L2 penalty");
}

namespace {

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
  explicit Sgd(const SgdOptions& options) : options_(options) {}
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
  SgdOptions options_;
};

std::optional<schema::Problem> sgd_problem(const schema::AnyOptions& options) {
  const auto sgd = options.as<SgdOptions>();
  if (!sgd.nesterov || sgd.momentum != 0) return std::nullopt;
  return schema::Problem{"nesterov", "needs momentum; set train.optimizer.momentum, such as 0.9"};
}

const schema::Registered sgd(optimizers(),
                             OptimizerKind{
                                 {.name = "sgd",
                                  .doc = "stochastic gradient descent, with momentum if wanted",
                                  .options = SgdOptions{},
                                  .problem = sgd_problem},
                                 [](const schema::AnyOptions& options) {
                                   return std::make_unique<Sgd>(options.as<SgdOptions>());
                                 }});

}  // namespace
}  // namespace convoy
