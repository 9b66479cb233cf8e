// Values outside of two bounds move to the nearer one.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "convoy/data/preprocess/elementwise.hpp"

namespace convoy {

void describe(schema::Visitor& v, ClipStepOptions& o) {
  v.key("low", o.low, schema::any(), "the smallest value allowed");
  v.key("high", o.high, schema::any(), "the largest value allowed");
  describe_columns(v, o.columns);
}

namespace {

bool are_bounds(double low, double high) {
  return std::isfinite(low) && std::isfinite(high) && low < high;
}

class ClipMap final : public Elementwise {
 public:
  ClipMap(double low, double high) : low_(low), high_(high) {}
  void save(nlohmann::ordered_json& record) const override {
    record["low"] = low_;
    record["high"] = high_;
  }
  void apply(std::size_t, std::size_t, std::span<double> numbers) const override {
    for (double& x : numbers) x = std::isnan(x) ? x : std::min(std::max(x, low_), high_);
  }

 private:
  double low_;
  double high_;
};

std::unique_ptr<Elementwise> fit_clip(const schema::AnyOptions& options, const Learnt&) {
  const auto chosen = options.as<ClipStepOptions>();
  if (!are_bounds(chosen.low, chosen.high)) {
    fail_step("clip", fmt::format("low ({}) must be less than high ({})", chosen.low, chosen.high));
  }
  return std::make_unique<ClipMap>(chosen.low, chosen.high);
}

std::unique_ptr<Elementwise> load_clip(const nlohmann::ordered_json& record) {
  const double low = record.value("low", 0.0);
  const double high = record.value("high", 0.0);
  if (!are_bounds(low, high)) return nullptr;
  return std::make_unique<ClipMap>(low, high);
}

std::optional<schema::Problem> clip_problem(const schema::AnyOptions& options) {
  const auto chosen = options.as<ClipStepOptions>();
  if (chosen.low < chosen.high) return std::nullopt;
  return schema::Problem{"low",
                         fmt::format("{} is not below high, which is {}", chosen.low, chosen.high)};
}

const schema::Registered clip_step(
    preprocess_steps(),
    elementwise_step({.name = "clip",
                      .doc = "moves values outside `low` to `high` to the nearer of the two",
                      .options = ClipStepOptions{},
                      .problem = clip_problem},
                     {.fit = fit_clip, .load = load_clip}));

}  // namespace
}  // namespace convoy
