// box_cox and yeo_johnson: a power that makes numbers look most normally distributed, then
// standardised.
#include "data/preprocess/power.hpp"

#include <cmath>

#include "data/preprocess/affine.hpp"
#include "data/preprocess/record.hpp"

namespace convoy {
namespace {

class PowerMap final : public Elementwise {
 public:
  explicit PowerMap(bool mirrored) : mirrored_(mirrored) {}

  void push(const std::string& kind, const std::vector<NumberCount>& counts) {
    const Power power = fit_power(mirrored_, counts);
    if (!std::isfinite(power.lambda)) fail_step(kind, "no power fits the values");
    affine_.push(kind, power.statistics.mean(), or_one(power.statistics.deviation()), 0);
    lambdas_.push_back(power.lambda);
  }

  void save(nlohmann::ordered_json& record) const override {
    affine_.save(record);
    record["lambdas"] = lambdas_;
  }
  std::size_t entries() const override { return lambdas_.size(); }
  void apply(std::size_t first, std::size_t groups, std::span<double> numbers) const override {
    const auto transform = mirrored_ ? yeo_johnson : box_cox;
    for_groups(first, groups, numbers, [&](std::size_t entry, std::span<double> group) {
      for (double& x : group) x = transform(x, lambdas_[entry]);
    });
    affine_.apply(first, groups, numbers);
  }

  bool load(const nlohmann::ordered_json& record) {
    lambdas_ = recorded<std::vector<double>>(record, "lambdas");
    return affine_.load(record) && lambdas_.size() == affine_.entries() && are_finite(lambdas_);
  }

 private:
  bool mirrored_;  // yeo_johnson
  Affine affine_;
  std::vector<double> lambdas_;
};

StepKind power_kind(const std::string& name, const std::string& doc, bool mirrored,
                    std::optional<double> above) {
  return elementwise_step(
      {.name = name, .doc = doc, .bare = "columns", .options = CountedOptions{}},
      {.learns = Learns::counts,
       .above = above,
       .instead = "; yeo_johnson takes any",
       .fit =
           [name, mirrored](const schema::AnyOptions&, const Learnt& learnt) {
             auto fitted = std::make_unique<PowerMap>(mirrored);
             for (const std::vector<NumberCount>& counts : learnt.counts)
               fitted->push(name, counts);
             return fitted;
           },
       .load =
           [mirrored](const nlohmann::ordered_json& record) {
             auto loaded = std::make_unique<PowerMap>(mirrored);
             if (!loaded->load(record)) loaded.reset();
             return loaded;
           },
       .grouping =
           [](const schema::AnyOptions& options) {
             const auto chosen = options.as<CountedOptions>();
             return Grouping{.per = chosen.per, .error = chosen.error};
           }});
}

const schema::Registered box_cox_step(
    preprocess_steps(),
    power_kind("box_cox",
               "the power transformation that makes positive numbers look most normally "
               "distributed, then standardised",
               false, 0));
const schema::Registered yeo_johnson_step(preprocess_steps(),
                                          power_kind("yeo_johnson",
                                                     "as box_cox, for numbers of any sign", true,
                                                     std::nullopt));

}  // namespace
}  // namespace convoy
