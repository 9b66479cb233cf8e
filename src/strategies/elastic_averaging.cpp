// Synchronous elastic averaging (Zhang, Choromanska, LeCun 2015).
#include <algorithm>

#include "compute/host_tensor.hpp"
#include "compute/kernels.hpp"
#include "strategies/averaging.hpp"

namespace convoy {

void describe(schema::Visitor& v, ElasticAveragingOptions& o) {
  v.key("average_every", o.average_every, schema::at_least(1),
        "steps that each worker takes alone between exchanges");
  v.key("elasticity", o.elasticity, schema::between(0, 1),
        "how far workers and their centre move towards each other");
}

namespace {

// A worker and the centre pull at each other; elasticity is the paper's beta, a worker's part of it
// alpha = beta / workers. Every worker keeps the centre.
class ElasticAveraging final : public WithGroup {
 public:
  ElasticAveraging(const StrategyOptions& strategy, std::uint64_t, const InitialModel& model)
      : WithGroup(model),
        elasticity_(strategy.own.as<ElasticAveragingOptions>().elasticity),
        centre_(model.values.clone()) {}

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

StrategyKind elastic_averaging_kind() {
  StrategyKind kind = averaging_kind<ElasticAveraging, ElasticAveragingOptions>(
      {.name = "elastic_averaging",
       .doc = "workers have weights of their own, pulled to a common centre now and then"});
  kind.conflict = nothing_to_compress;
  kind.rows = {{"`elastic_averaging`",
                "workers have weights of their own, pulled to a common centre at every exchange",
                since_exchange, same_bits, "2 (W - 1) / W M / H", nullptr}};
  return kind;
}

const schema::Registered elastic_averaging(strategies(), elastic_averaging_kind());

}  // namespace
}  // namespace convoy
