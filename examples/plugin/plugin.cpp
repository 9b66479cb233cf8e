// An optimizer of your own for jobs: Signum, the sign of the mean of gradients (Bernstein et al.
// 2018, "signSGD: Compressed Optimisation for Non-Convex Problems").
#include <convoy/core/vectorise.hpp>
#include <convoy/optim/optimizer.hpp>
#include <convoy/plugin.hpp>

CONVOY_PLUGIN("signum", "0.1")

namespace {

namespace schema = convoy::schema;

struct SignumOptions {
  double momentum = 0.9;
  double weight_decay = 0;
};

// The keys below train.optimizer: type and default are the member's.
void describe(schema::Visitor& v, SignumOptions& o) {
  v.key("momentum", o.momentum, schema::part(), "decay of the mean of gradients");
  v.key("weight_decay", o.weight_decay, schema::at_least(0), "decay apart from the gradient");
}

struct SignumNumbers {
  float rate, momentum, rest, shrink;
};

// Each element by itself, so that it has the same bits whoever updates it.
CONVOY_VECTORISE void signum_loop(const float* w, const float* __restrict g, const float* mean,
                                  float* new_w, float* new_mean, std::int64_t count,
                                  SignumNumbers n, convoy::UpdateContext context) {
#pragma GCC ivdep
  for (std::int64_t i = 0; i < count; ++i) {
    const float m = n.momentum * mean[i] + n.rest * convoy::prepared(g[i], context);
    const float sign = static_cast<float>(m > 0) - static_cast<float>(m < 0);
    new_mean[i] = m;
    new_w[i] = n.shrink * w[i] - n.rate * sign;
  }
}

class Signum final : public convoy::Optimizer {
 public:
  using Optimizer::update;
  explicit Signum(const SignumOptions& options) : options_(options) {}
  int states() const override { return 1; }
  void update(const float* w, const float* g, std::span<float* const> from, float* new_w,
              std::span<float* const> to, std::int64_t count,
              const convoy::UpdateContext& context) const override {
    const SignumNumbers n{static_cast<float>(context.rate), static_cast<float>(options_.momentum),
                          static_cast<float>(1 - options_.momentum),
                          static_cast<float>(1 - context.rate * options_.weight_decay)};
    signum_loop(w, g, from[0], new_w, to[0], count, n, context);
  }

 private:
  SignumOptions options_;
};

const schema::Registered signum(
    convoy::optimizers(),
    convoy::OptimizerKind{
        {.name = "signum", .doc = "the sign of the mean of gradients", .options = SignumOptions{}},
        [](const schema::AnyOptions& options) {
          return std::make_unique<Signum>(options.as<SignumOptions>());
        }});

}  // namespace
