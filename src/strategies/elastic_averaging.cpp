// Declared in strategies/kinds.hpp.
#include <algorithm>

#include "compute/host_tensor.hpp"
#include "compute/kernels.hpp"
#include "strategies/averaging.hpp"

namespace convoy {
namespace {

// Synchronous elastic averaging (Zhang, Choromanska, LeCun 2015): a worker and the centre pull at
// each other; elasticity is the paper's beta, a worker's part of it alpha = beta / workers. Every
// worker keeps the centre.
class ElasticAveraging final : public WithGroup {
 public:
  ElasticAveraging(const StrategyOptions& strategy, const InitialModel& model)
      : WithGroup(model), elasticity_(strategy.elasticity), centre_(model.values.clone()) {}

  Request exchange(std::int64_t, std::span<float> values, Request request) override {
    const Request agreed = greatest(request);
    const float alpha = static_cast<float>(elasticity_) * share();
    const std::span<Element> centre = values_of(centre_);
    std::vector<float> apart(size_);
    if (contributes_) {
      subtract_to(apart.data(), values.data(), centre.data(), static_cast<std::int64_t>(size_));
    }
    std::vector<float> sum = apart;
    add_up(sum);
    add_times(values, apart, -alpha);
    add_times(centre, sum, alpha);
    if (!contributes_) std::copy(centre.begin(), centre.end(), values.begin());
    return agreed;
  }

  void combine(std::span<const float>, std::span<float> model) override {
    const std::span<const Element> centre = values_of(centre_);
    std::copy(centre.begin(), centre.end(), model.begin());
  }

  State common() const override { return {{"centre", centre_}}; }

 private:
  double elasticity_;
  torch::Tensor centre_;
};

}  // namespace

StrategyKind elastic_averaging_kind() {
  StrategyKind kind =
      local_kind(elastic_averaging_facts(),
                 [](const StrategyOptions& options, std::uint64_t, const InitialModel& model) {
                   return std::make_unique<ElasticAveraging>(options, model);
                 });
  kind.guarantees = {{"`elastic_averaging`",
                      "workers have weights of their own, pulled to a common centre at every "
                      "exchange",
                      since_exchange, same_bits, "2 (W - 1) / W M / H",
                      [](const StrategyOptions&) { return true; }}};
  identify(kind, [](const StrategyOptions& options, nlohmann::ordered_json& identity) {
    identity["strategy.elasticity"] = options.elasticity;
  });
  return kind;
}

}  // namespace convoy
