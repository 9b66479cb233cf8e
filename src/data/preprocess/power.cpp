#include "data/preprocess/power.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

#include "data/preprocess/minimise.hpp"

namespace convoy {
namespace {

/// (y^lambda - 1) / lambda from log(y), without loss near lambda 0.
double power_of_log(double log, double lambda) {
  return std::abs(lambda) < std::numeric_limits<double>::epsilon()
             ? log
             : std::expm1(lambda * log) / lambda;
}

struct Weighed {
  double log = 0;  // of x or 1 + x; mirrored below 0
  double times = 0;
};

/// Mean and squares of what `transform` makes of the entries, in two passes.
template <typename Transform>
Statistics weighed_statistics(const std::vector<Weighed>& entries, const Transform& transform) {
  Statistics out;
  out.min = std::numeric_limits<double>::infinity();
  out.max = -out.min;
  for (const Weighed& entry : entries) {
    const double y = transform(entry.log);
    out.count += entry.times;
    out.sum += entry.times * y;
    out.min = std::min(out.min, y);
    out.max = std::max(out.max, y);
  }
  const double mean = out.mean();
  for (const Weighed& entry : entries) {
    const double difference = transform(entry.log) - mean;
    out.squares += entry.times * difference * difference;
  }
  return out;
}

}  // namespace

double box_cox(double x, double lambda) {
  if (!(x > 0)) return std::numeric_limits<double>::quiet_NaN();
  return power_of_log(std::log(x), lambda);
}

double yeo_johnson(double x, double lambda) {
  return x >= 0 ? power_of_log(std::log1p(x), lambda) : -power_of_log(std::log1p(-x), 2 - lambda);
}

Power fit_power(bool mirrored, const std::vector<NumberCount>& numbers) {
  std::vector<Weighed> entries;
  double count = 0;
  double logs = 0;
  for (const auto& [number, times] : numbers) {
    const double log = !mirrored     ? std::log(number)
                       : number >= 0 ? std::log1p(number)
                                     : -std::log1p(-number);
    entries.push_back({log, static_cast<double>(times)});
    count += entries.back().times;
    logs += entries.back().times * log;
  }
  const auto statistics = [&](double lambda) {
    return weighed_statistics(entries, [&](double log) {
      return mirrored && log < 0 ? -power_of_log(-log, 2 - lambda) : power_of_log(log, lambda);
    });
  };
  // Its negative, as the smallest value is looked for.
  const auto likelihood = [&](double lambda) {
    const double variance = statistics(lambda).squares / count;
    const double value = count / 2 * std::log(variance) - (lambda - 1) * logs;
    return variance >= std::numeric_limits<double>::min() && std::isfinite(value)
               ? value
               : std::numeric_limits<double>::infinity();
  };
  Power power;
  if (numbers.size() > 1) power.lambda = minimise(likelihood, -2, 2);
  power.statistics = statistics(power.lambda);
  return power;
}

}  // namespace convoy
