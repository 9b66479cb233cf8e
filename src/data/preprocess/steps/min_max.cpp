// The smallest value of the training split becomes `low`, the largest `high`.
#include <fmt/format.h>

#include <cmath>

#include "data/preprocess/affine.hpp"

namespace convoy {

void describe(schema::Visitor& v, MinMaxOptions& o) {
  v.key("low", o.low, schema::any(), "the smallest value afterwards");
  v.key("high", o.high, schema::any(), "the largest value afterwards");
  describe_per(v, o.per);
  describe_columns(v, o.columns);
}

namespace {

std::unique_ptr<Elementwise> fit_min_max(const schema::AnyOptions& options, const Learnt& learnt) {
  const auto chosen = options.as<MinMaxOptions>();
  if (!std::isfinite(chosen.low) || !std::isfinite(chosen.high) || chosen.low >= chosen.high) {
    fail_step("min_max",
              fmt::format("low ({}) must be less than high ({})", chosen.low, chosen.high));
  }
  auto fitted = std::make_unique<Affine>();
  for (const Statistics& group : learnt.statistics) {
    const double range = or_one(group.max - group.min);
    fitted->push("min_max", group.min, range / (chosen.high - chosen.low), chosen.low);
  }
  return fitted;
}

std::optional<schema::Problem> min_max_problem(const schema::AnyOptions& options) {
  const auto chosen = options.as<MinMaxOptions>();
  if (chosen.low < chosen.high) return std::nullopt;
  return schema::Problem{"low",
                         fmt::format("{} is not below high, which is {}", chosen.low, chosen.high)};
}

const schema::Registered min_max_step(
    preprocess_steps(),
    elementwise_step({.name = "min_max",
                      .doc = "maps the smallest value to `low` and the largest to `high`",
                      .options = MinMaxOptions{},
                      .problem = min_max_problem},
                     {.learns = Learns::statistics,
                      .fit = fit_min_max,
                      .load = load_affine,
                      .grouping = [](const schema::AnyOptions& options) {
                        return Grouping{.per = options.as<MinMaxOptions>().per};
                      }}));

}  // namespace
}  // namespace convoy
