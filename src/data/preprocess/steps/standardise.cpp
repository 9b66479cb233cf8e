// (x - mean) / standard deviation of the training split.
#include "data/preprocess/affine.hpp"

namespace convoy {

void describe(schema::Visitor& v, StandardiseOptions& o) {
  describe_per(v, o.per);
  describe_columns(v, o.columns);
}

namespace {

std::unique_ptr<Elementwise> fit_standardise(const schema::AnyOptions& /*options*/,
                                             const Learnt& learnt) {
  auto fitted = std::make_unique<Affine>();
  for (const Statistics& group : learnt.statistics)
    fitted->push("standardise", group.mean(), or_one(group.deviation()), 0);
  return fitted;
}

const schema::Registered standardise_step(
    preprocess_steps(),
    elementwise_step({.name = "standardise",
                      .doc = "subtracts the mean and divides by the standard deviation",
                      .bare = "per",
                      .options = StandardiseOptions{}},
                     {.learns = Learns::squares,
                      .fit = fit_standardise,
                      .load = load_affine,
                      .grouping = [](const schema::AnyOptions& options) {
                        return Grouping{.per = options.as<StandardiseOptions>().per};
                      }}));

}  // namespace
}  // namespace convoy
