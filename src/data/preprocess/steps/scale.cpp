// x / by.
#include <fmt/format.h>

#include <cmath>

#include "data/preprocess/affine.hpp"

namespace convoy {

void describe(schema::Visitor& v, ScaleOptions& o) {
  v.key("by", o.by, schema::any(), "the divisor; not 0");
  describe_columns(v, o.columns);
}

namespace {

std::unique_ptr<Elementwise> fit_scale(const schema::AnyOptions& options, const Learnt& learnt) {
  const double by = options.as<ScaleOptions>().by;
  if (!std::isfinite(by) || by == 0)
    fail_step("scale", fmt::format("by: {} is not a number to divide by", by));
  auto scale = std::make_unique<Affine>();
  for (std::size_t i = 0; i < learnt.groups; ++i) scale->push("scale", 0, by, 0);
  return scale;
}

std::optional<schema::Problem> scale_problem(const schema::AnyOptions& options) {
  if (options.as<ScaleOptions>().by != 0) return std::nullopt;
  return schema::Problem{"by", "0 cannot divide; write another number"};
}

const schema::Registered scale_step(preprocess_steps(),
                                    elementwise_step({.name = "scale",
                                                      .doc = "divides every value",
                                                      .bare = "by",
                                                      .options = ScaleOptions{},
                                                      .problem = scale_problem},
                                                     {.fit = fit_scale, .load = load_affine}));

}  // namespace
}  // namespace convoy
