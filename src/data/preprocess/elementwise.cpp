#include "data/preprocess/elementwise.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

#include "convoy/core/error.hpp"
#include "data/preprocess/power.hpp"
#include "data/preprocess/quantiles.hpp"

namespace convoy {
namespace {

[[noreturn]] void fail_options(const PreprocessStep& step, const std::string& problem) {
  throw InputError(fmt::format("preprocess: {}: {}", step.kind, problem));
}

void check_options(const PreprocessStep& step) {
  if (step.kind == "scale" && !(std::isfinite(step.by) && step.by != 0))
    fail_options(step, fmt::format("by: {} is not a number to divide by", step.by));
  if (step.kind == "min_max" || step.kind == "clip") {
    if (!std::isfinite(step.low) || !std::isfinite(step.high) || step.low >= step.high) {
      fail_options(step, fmt::format("low ({}) must be less than high ({})", step.low, step.high));
    }
  }
  if (step.kind == "quantile") {
    if (step.quantiles < 2)
      fail_options(step, fmt::format("quantiles: {}: write at least 2", step.quantiles));
    if (step.output != "uniform" && step.output != "normal")
      fail_options(step, fmt::format("output: '{}': write uniform or normal", step.output));
  }
}

void add_affine(const PreprocessStep& step, double subtract, double divide, double add,
                FittedStep& fitted) {
  if (!std::isfinite(subtract) || !std::isfinite(divide) || divide == 0) {
    fail_options(step, "the values are too large to take statistics of; scale them first");
  }
  fitted.subtract.push_back(subtract);
  fitted.divide.push_back(divide);
  fitted.add.push_back(add);
}

double or_one(double x) {
  return x == 0 ? 1 : x;
}

void add_robust(const PreprocessStep& step, const std::vector<NumberCount>& counts,
                FittedStep& fitted) {
  static constexpr std::array quartiles = {0.25, 0.75};
  const std::vector<double> found = quantiles_at(counts, quartiles);
  add_affine(step, median(counts), or_one(found[1] - found[0]), 0, fitted);
}

void add_power(const PreprocessStep& step, const std::vector<NumberCount>& counts,
               FittedStep& fitted) {
  const Power power = fit_power(step.kind, counts);
  if (!std::isfinite(power.lambda)) fail_options(step, "no power fits the values");
  add_affine(step, power.statistics.mean(), or_one(power.statistics.deviation()), 0, fitted);
  fitted.lambdas.push_back(power.lambda);
}

/// Calls `f(entry, numbers of its group)` for each group.
template <typename F>
void for_groups(std::size_t first, std::size_t groups, std::span<double> numbers, const F& f) {
  const std::size_t size = numbers.size() / std::max<std::size_t>(1, groups);
  for (std::size_t g = 0; g < groups; ++g) f(first + g, numbers.subspan(g * size, size));
}

void apply_affine(const FittedStep& step, std::size_t first, std::size_t groups,
                  std::span<double> numbers) {
  if (groups == numbers.size()) {  // one loop that can be vectorised
    for (std::size_t i = 0; i < groups; ++i) {
      numbers[i] =
          (numbers[i] - step.subtract[first + i]) / step.divide[first + i] + step.add[first + i];
    }
    return;
  }
  for_groups(first, groups, numbers, [&](std::size_t entry, std::span<double> group) {
    const double subtract = step.subtract[entry];
    const double divide = step.divide[entry];
    const double add = step.add[entry];
    for (double& x : group) x = (x - subtract) / divide + add;
  });
}

void apply_power(const FittedStep& step, std::size_t first, std::size_t groups,
                 std::span<double> numbers) {
  const auto transform = step.kind == "box_cox" ? box_cox : yeo_johnson;
  for_groups(first, groups, numbers, [&](std::size_t entry, std::span<double> group) {
    for (double& x : group) x = transform(x, step.lambdas[entry]);
  });
  apply_affine(step, first, groups, numbers);
}

}  // namespace

FittedStep fit_elementwise(const PreprocessStep& step, std::span<const Statistics> groups) {
  check_options(step);
  FittedStep fitted;
  fitted.kind = step.kind;
  if (step.kind == "log") return fitted;
  if (step.kind == "clip") {
    fitted.low = step.low;
    fitted.high = step.high;
    return fitted;
  }
  for (const Statistics& group : groups) {
    if (step.kind == "standardise") {
      add_affine(step, group.mean(), or_one(group.deviation()), 0, fitted);
    } else if (step.kind == "min_max") {
      const double range = or_one(group.max - group.min);
      add_affine(step, group.min, range / (step.high - step.low), step.low, fitted);
    } else {
      add_affine(step, 0, step.by, 0, fitted);
    }
  }
  return fitted;
}

FittedStep fit_counted(const PreprocessStep& step, std::int64_t rows,
                       std::span<const std::vector<NumberCount>> groups) {
  check_options(step);
  FittedStep fitted;
  fitted.kind = step.kind;
  if (step.kind == "quantile") fitted.output = step.output;
  const std::vector<double> parts = even_parts(
      static_cast<std::size_t>(std::min(step.quantiles, std::max<std::int64_t>(rows, 1))));
  for (const std::vector<NumberCount>& counts : groups) {
    if (step.kind == "robust")
      add_robust(step, counts, fitted);
    else if (step.kind == "quantile")
      fitted.quantiles.push_back(quantiles_at(counts, parts));
    else
      add_power(step, counts, fitted);
  }
  return fitted;
}

std::size_t group_count(const FittedStep& step) {
  if (step.kind == "clip" || step.kind == "log") return 1;
  return step.kind == "quantile" ? step.quantiles.size() : step.divide.size();
}

void apply_elementwise(const FittedStep& step, std::size_t first, std::size_t groups,
                       std::span<double> numbers) {
  if (step.kind == "clip") {
    for (double& x : numbers) x = std::isnan(x) ? x : std::min(std::max(x, step.low), step.high);
  } else if (step.kind == "log") {
    for (double& x : numbers) x = x > -1 ? std::log1p(x) : std::numeric_limits<double>::quiet_NaN();
  } else if (step.kind == "quantile") {
    const auto rank = step.output == "normal" ? normal_rank_among : rank_among;
    for_groups(first, groups, numbers, [&](std::size_t entry, std::span<double> group) {
      for (double& x : group) x = rank(step.quantiles[entry], x);
    });
  } else if (step.kind == "box_cox" || step.kind == "yeo_johnson") {
    apply_power(step, first, groups, numbers);
  } else {
    apply_affine(step, first, groups, numbers);
  }
}

std::optional<std::size_t> find_outside(const std::string& kind, std::span<const double> numbers) {
  if (kind != "log" && kind != "box_cox") return std::nullopt;
  const double bound = kind == "log" ? -1 : 0;
  const auto found =
      std::find_if(numbers.begin(), numbers.end(), [&](double x) { return x <= bound; });
  if (found == numbers.end()) return std::nullopt;
  return static_cast<std::size_t>(found - numbers.begin());
}

std::string outside_text(const std::string& kind, double number) {
  return kind == "log"
             ? fmt::format("{}; log takes numbers above -1; yeo_johnson takes any", number)
             : fmt::format("{}; box_cox takes numbers above 0; yeo_johnson takes any", number);
}

}  // namespace convoy
