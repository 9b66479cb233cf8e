// An optimizer: Lion (Chen et al. 2023, "Symbolic Discovery of Optimization Algorithms", algorithm
// 2): the sign of a mix of the mean and the gradient, with weight decay apart from it.
#include <convoy/core/vectorise.hpp>
#include <convoy/optim/optimizer.hpp>
#include <convoy/plugin.hpp>

CONVOY_PLUGIN("lion", "1.0")

namespace {

namespace schema = convoy::schema;

struct LionOptions {
  double beta1 = 0.9;
  double beta2 = 0.99;
  double weight_decay = 0;
};

void describe(schema::Visitor& v, LionOptions& o) {
  v.key("beta1", o.beta1, schema::part(), "how much of the mean is in a step's direction");
  v.key("beta2", o.beta2, schema::part(), "decay of the mean of gradients");
  v.key("weight_decay", o.weight_decay, schema::at_least(0), "decay apart from the gradient");
}

struct LionNumbers {
  float rate, beta1, rest1, beta2, rest2, shrink;
};

// Weights and states before and after are the same memory, or apart.
CONVOY_VECTORISE void lion_loop(const float* w, const float* __restrict g, const float* mean,
                                float* new_w, float* new_mean, std::int64_t count, LionNumbers n,
                                convoy::UpdateContext context) {
#pragma GCC ivdep
  for (std::int64_t i = 0; i < count; ++i) {
    const float gradient = convoy::prepared(g[i], context);
    const float direction = n.beta1 * mean[i] + n.rest1 * gradient;
    const float sign = static_cast<float>(direction > 0) - static_cast<float>(direction < 0);
    new_mean[i] = n.beta2 * mean[i] + n.rest2 * gradient;
    new_w[i] = n.shrink * w[i] - n.rate * sign;
  }
}

class Lion final : public convoy::Optimizer {
 public:
  using Optimizer::update;
  explicit Lion(const LionOptions& options) : options_(options) {}
  int states() const override { return 1; }
  void update(const float* w, const float* g, std::span<float* const> from, float* new_w,
              std::span<float* const> to, std::int64_t count,
              const convoy::UpdateContext& context) const override {
    const LionOptions& o = options_;
    const LionNumbers n{
        static_cast<float>(context.rate), static_cast<float>(o.beta1),
        static_cast<float>(1 - o.beta1),  static_cast<float>(o.beta2),
        static_cast<float>(1 - o.beta2),  static_cast<float>(1 - context.rate * o.weight_decay)};
    lion_loop(w, g, from[0], new_w, to[0], count, n, context);
  }

 private:
  LionOptions options_;
};

const schema::Registered lion(
    convoy::optimizers(),
    convoy::OptimizerKind{
        {.name = "lion", .doc = "the sign of a mix of mean and gradient", .options = LionOptions{}},
        [](const schema::AnyOptions& options) {
          return std::make_unique<Lion>(options.as<LionOptions>());
        }});

}  // namespace
