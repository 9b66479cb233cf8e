// The part of the training values below each value: any distribution becomes even, or normal.
#include <fmt/format.h>

#include <algorithm>

#include "convoy/data/preprocess/elementwise.hpp"
#include "data/preprocess/quantiles.hpp"
#include "data/preprocess/record.hpp"

namespace convoy {

void describe(schema::Visitor& v, QuantileOptions& o) {
  v.key("output", o.output, schema::choice({"uniform", "normal"}),
        "uniform: 0 to 1; normal: with mean 0 and deviation 1, at most 5.2 from 0");
  v.key("quantiles", o.quantiles, schema::between(2, 100'000),
        "points of the fitted function, at most as many as there are rows");
  describe_columns(v, o.columns);
  describe_per(v, o.per);
  describe_error(v, o.error);
}

namespace {

bool is_output(const std::string& output) {
  return output == "uniform" || output == "normal";
}

class RankMap final : public Elementwise {
 public:
  RankMap(std::vector<std::vector<double>> quantiles, std::string output)
      : quantiles_(std::move(quantiles)), output_(std::move(output)) {}

  void save(nlohmann::ordered_json& record) const override {
    record["quantiles"] = quantiles_;
    record["output"] = output_;
  }
  std::size_t entries() const override { return quantiles_.size(); }
  void apply(std::size_t first, std::size_t groups, std::span<double> numbers) const override {
    const auto rank = output_ == "normal" ? normal_rank_among : rank_among;
    for_groups(first, groups, numbers, [&](std::size_t entry, std::span<double> group) {
      for (double& x : group) x = rank(quantiles_[entry], x);
    });
  }

 private:
  std::vector<std::vector<double>> quantiles_;  // of each group the values at evenly spaced ranks
  std::string output_;
};

std::unique_ptr<Elementwise> fit_quantile(const schema::AnyOptions& options, const Learnt& learnt) {
  const auto chosen = options.as<QuantileOptions>();
  if (chosen.quantiles < 2)
    fail_step("quantile", fmt::format("quantiles: {}: write at least 2", chosen.quantiles));
  if (!is_output(chosen.output))
    fail_step("quantile", fmt::format("output: '{}': write uniform or normal", chosen.output));
  const std::vector<double> parts = even_parts(
      static_cast<std::size_t>(std::min(chosen.quantiles, std::max<std::int64_t>(learnt.rows, 1))));
  std::vector<std::vector<double>> quantiles;
  for (const std::vector<NumberCount>& counts : learnt.counts)
    quantiles.push_back(quantiles_at(counts, parts));
  return std::make_unique<RankMap>(std::move(quantiles), chosen.output);
}

std::unique_ptr<Elementwise> load_quantile(const nlohmann::ordered_json& record) {
  auto quantiles = recorded<std::vector<std::vector<double>>>(record, "quantiles");
  auto output = recorded<std::string>(record, "output");
  const auto usable = [](const std::vector<double>& values) {
    return !values.empty() && are_finite(values);
  };
  if (quantiles.empty() || !ascend(quantiles, false) || !std::ranges::all_of(quantiles, usable) ||
      !is_output(output))
    return nullptr;
  return std::make_unique<RankMap>(std::move(quantiles), std::move(output));
}

const schema::Registered quantile_step(
    preprocess_steps(),
    elementwise_step(
        {.name = "quantile",
         .doc = "the part of the training values below each value: any distribution becomes even, "
                "or normal",
         .bare = "output",
         .options = QuantileOptions{}},
        {.learns = Learns::counts,
         .fit = fit_quantile,
         .load = load_quantile,
         .grouping = [](const schema::AnyOptions& options) {
           const auto chosen = options.as<QuantileOptions>();
           return Grouping{.per = chosen.per, .error = chosen.error};
         }}));

}  // namespace
}  // namespace convoy
