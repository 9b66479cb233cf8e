// (x - median) / the distance of the quartiles.
#include <array>

#include "data/preprocess/affine.hpp"
#include "data/preprocess/quantiles.hpp"

namespace convoy {
namespace {

std::unique_ptr<Elementwise> fit_robust(const schema::AnyOptions& /*options*/,
                                        const Learnt& learnt) {
  static constexpr std::array quartiles = {0.25, 0.75};
  auto fitted = std::make_unique<Affine>();
  for (const std::vector<NumberCount>& counts : learnt.counts) {
    const std::vector<double> found = quantiles_at(counts, quartiles);
    fitted->push("robust", median(counts), or_one(found[1] - found[0]), 0);
  }
  return fitted;
}

const schema::Registered robust_step(
    preprocess_steps(),
    elementwise_step({.name = "robust",
                      .doc = "subtracts the median and divides by the distance of the quartiles",
                      .bare = "columns",
                      .options = CountedOptions{}},
                     {.learns = Learns::counts,
                      .fit = fit_robust,
                      .load = load_affine,
                      .grouping = [](const schema::AnyOptions& options) {
                        const auto chosen = options.as<CountedOptions>();
                        return Grouping{.per = chosen.per, .error = chosen.error};
                      }}));

}  // namespace
}  // namespace convoy
