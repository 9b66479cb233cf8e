#include "data/preprocess/quantiles.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

namespace convoy {
namespace {

/// Order statistics of counted numbers.
class OrderStatistics {
 public:
  explicit OrderStatistics(const std::vector<NumberCount>& numbers) : numbers_(numbers) {
    for (const NumberCount& entry : numbers_) {
      total_ += entry.times;
      ends_.push_back(total_);
    }
  }
  std::int64_t total() const { return total_; }
  double at(std::int64_t position) const {
    const auto entry = std::upper_bound(ends_.begin(), ends_.end(), position);
    return numbers_[static_cast<std::size_t>(entry - ends_.begin())].number;
  }

 private:
  const std::vector<NumberCount>& numbers_;
  std::vector<std::int64_t> ends_;  // how many values there are up to each entry
  std::int64_t total_ = 0;
};

double polynomial(std::span<const double> coefficients, double x) {
  double sum = 0;
  for (std::size_t i = coefficients.size(); i > 0; --i) sum = sum * x + coefficients[i - 1];
  return sum;
}

/// A point between two, from whichever is nearer, as numpy does: no rounding at either.
double between_points(double low, double high, double part) {
  const double distance = high - low;
  return part < 0.5 ? low + distance * part : high - distance * (1 - part);
}

}  // namespace

std::vector<double> quantiles_at(const std::vector<NumberCount>& numbers,
                                 std::span<const double> parts) {
  const OrderStatistics order(numbers);
  const std::int64_t last = order.total() - 1;
  std::vector<double> out;
  for (const double part : parts) {
    const double position = std::clamp(part, 0.0, 1.0) * static_cast<double>(last);
    const auto low = std::min(static_cast<std::int64_t>(position), last);
    const double x = between_points(order.at(low), order.at(std::min(low + 1, last)),
                                    position - static_cast<double>(low));
    out.push_back(out.empty() ? x : std::max(x, out.back()));
  }
  return out;
}

std::vector<double> even_parts(std::size_t count) {
  std::vector<double> parts(count);
  const double step = count > 1 ? 1 / static_cast<double>(count - 1) : 0;
  for (std::size_t i = 0; i < count; ++i) parts[i] = static_cast<double>(i) * step;
  if (count > 1) parts.back() = 1;
  return parts;
}

double rank_among(std::span<const double> quantiles, double x) {
  if (std::isnan(x)) return x;
  const std::size_t count = quantiles.size();
  if (x <= quantiles.front()) return 0;
  if (x >= quantiles.back()) return 1;
  const double step = 1 / static_cast<double>(count - 1);
  const auto part = [&](std::size_t i) {
    return i + 1 == count ? 1 : static_cast<double>(i) * step;
  };
  // The last quantile up to x, and the first from x on. They lie apart for a value that several
  // quantiles have.
  const auto above = std::upper_bound(quantiles.begin(), quantiles.end(), x);
  const auto j = static_cast<std::size_t>(above - quantiles.begin()) - 1;
  const double upper =
      quantiles[j] == x
          ? part(j)
          : (part(j + 1) - part(j)) / (quantiles[j + 1] - quantiles[j]) * (x - quantiles[j]) +
                part(j);
  const auto from = std::lower_bound(quantiles.begin(), quantiles.end(), x);
  const auto i = static_cast<std::size_t>(from - quantiles.begin());
  const double lower = quantiles[i] == x
                           ? part(i)
                           : part(i) - (part(i) - part(i - 1)) / (quantiles[i] - quantiles[i - 1]) *
                                           (quantiles[i] - x);
  return 0.5 * (upper + lower);
}

double normal_rank_among(std::span<const double> quantiles, double x) {
  if (std::isnan(x)) return x;
  constexpr double threshold = 1e-7;
  // Both tails end at the same distance from 0.
  static const double end = -normal_quantile(threshold - std::numeric_limits<double>::epsilon());
  if (x - threshold < quantiles.front()) return -end;
  if (x + threshold > quantiles.back()) return end;
  return std::clamp(normal_quantile(rank_among(quantiles, x)), -end, end);
}

double normal_quantile(double p) {
  static constexpr std::array a = {3.3871328727963666080e0,  1.3314166789178437745e+2,
                                   1.9715909503065514427e+3, 1.3731693765509461125e+4,
                                   4.5921953931549871457e+4, 6.7265770927008700853e+4,
                                   3.3430575583588128105e+4, 2.5090809287301226727e+3};
  static constexpr std::array b = {1.0,
                                   4.2313330701600911252e+1,
                                   6.8718700749205790830e+2,
                                   5.3941960214247511077e+3,
                                   2.1213794301586595867e+4,
                                   3.9307895800092710610e+4,
                                   2.8729085735721942674e+4,
                                   5.2264952788528545610e+3};
  static constexpr std::array c = {1.42343711074968357734e0,  4.63033784615654529590e0,
                                   5.76949722146069140550e0,  3.64784832476320460504e0,
                                   1.27045825245236838258e0,  2.41780725177450611770e-1,
                                   2.27238449892691845833e-2, 7.74545014278341407640e-4};
  static constexpr std::array d = {1.0,
                                   2.05319162663775882187e0,
                                   1.67638483018380384940e0,
                                   6.89767334985100004550e-1,
                                   1.48103976427480074590e-1,
                                   1.51986665636164571966e-2,
                                   5.47593808499534494600e-4,
                                   1.05075007164441684324e-9};
  static constexpr std::array e = {6.65790464350110377720e0,  5.46378491116411436990e0,
                                   1.78482653991729133580e0,  2.96560571828504891230e-1,
                                   2.65321895265761230930e-2, 1.24266094738807843860e-3,
                                   2.71155556874348757815e-5, 2.01033439929228813265e-7};
  static constexpr std::array f = {1.0,
                                   5.99832206555887937690e-1,
                                   1.36929880922735805310e-1,
                                   1.48753612908506148525e-2,
                                   7.86869131145613259100e-4,
                                   1.84631831751005468180e-5,
                                   1.42151175831644588870e-7,
                                   2.04426310338993978564e-15};
  if (p <= 0 || p >= 1)
    return p <= 0 ? -std::numeric_limits<double>::infinity()
                  : std::numeric_limits<double>::infinity();
  const double q = p - 0.5;
  if (std::abs(q) <= 0.425) {
    const double r = 0.180625 - q * q;
    return q * polynomial(a, r) / polynomial(b, r);
  }
  const double r = std::sqrt(-std::log(q < 0 ? p : 1 - p));
  const double tail = r <= 5 ? polynomial(c, r - 1.6) / polynomial(d, r - 1.6)
                             : polynomial(e, r - 5) / polynomial(f, r - 5);
  return q < 0 ? -tail : tail;
}

}  // namespace convoy
