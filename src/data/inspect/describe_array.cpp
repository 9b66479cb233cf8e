#include <algorithm>
#include <cmath>
#include <limits>

#include "convoy/data/preprocess/statistics.hpp"
#include "data/formats/array.hpp"
#include "data/inspect/describe.hpp"
#include "data/inspect/histogram.hpp"

namespace convoy {
namespace {

using Json = nlohmann::ordered_json;

/// Gives out the elements of an array, piece by piece; those that are not finite 32-bit numbers,
/// which training cannot use, as NaN.
class Elements {
 public:
  explicit Elements(const Array& array) : array_(array) {
    const auto rows = static_cast<std::size_t>(std::max<std::int64_t>(1, array.rows()));
    per_row_ = array.bytes.size() / size_of(array.type) / rows;
  }
  std::int64_t count() const {
    return static_cast<std::int64_t>(array_.bytes.size() / size_of(array_.type));
  }

  template <typename Take>
  void read(Range rows, const Take& take) const {
    constexpr std::size_t piece = 4096;
    std::vector<double> numbers(piece);
    std::size_t at = static_cast<std::size_t>(rows.begin) * per_row_;
    const std::size_t end = static_cast<std::size_t>(rows.end) * per_row_;
    while (at < end) {
      const std::span<double> some = std::span(numbers).first(std::min(piece, end - at));
      to_doubles(array_, at, some);
      for (double& x : some) {
        if (!std::isfinite(static_cast<float>(x))) x = std::numeric_limits<double>::quiet_NaN();
      }
      take(std::span<const double>(some));
      at += some.size();
    }
  }

 private:
  const Array& array_;
  std::size_t per_row_ = 0;
};

/// Fills the bins; returns how many elements are zero.
std::int64_t fill_histogram(const Elements& elements, std::int64_t rows, Histogram& histogram,
                            Peers& peers) {
  RowSum sum;
  const std::size_t bins = histogram.counts.size();
  sum.width = bins + 1;
  sum.take = [&](Range positions, std::span<double> partial) {
    elements.read(positions, [&](std::span<const double> numbers) {
      for (const double x : numbers) {
        if (std::isnan(x)) continue;
        partial[histogram.bin_of(x)] += 1;
        partial[bins] += x == 0 ? 1 : 0;
      }
    });
  };
  sum.add = [](std::span<double> left, std::span<const double> right) {
    for (std::size_t i = 0; i < left.size(); ++i) left[i] += right[i];
  };
  const std::vector<double> counts = reduce_rows(rows, sum, &peers);
  for (std::size_t i = 0; i < bins; ++i) histogram.counts[i] = static_cast<std::int64_t>(counts[i]);
  return static_cast<std::int64_t>(counts[bins]);
}

}  // namespace

Json describe_array(const Array& array, Peers& peers) {
  const Elements elements(array);
  const std::int64_t rows = array.rows();
  const auto feed = [&](Range positions, StatisticsPass& pass) {
    elements.read(positions, [&](std::span<const double> numbers) { pass.add(0, numbers); });
  };
  const Statistics values = fit_statistics(rows, 1, true, feed, &peers)[0];
  const bool whole = !is_floating(array.type);
  Histogram histogram = empty_histogram(values.min, values.max, whole);
  const std::int64_t zeros = fill_histogram(elements, rows, histogram, peers);
  const auto finite = static_cast<std::int64_t>(values.count);
  Json json = {{"shape", array.shape},
               {"type", name_of(array.type)},
               {"elements", elements.count()},
               {"not_finite", elements.count() - finite},
               {"zeros", zeros}};
  if (finite == 0) return json;
  json["min"] = values.min;
  json["max"] = values.max;
  json["mean"] = values.mean();
  json["std"] = values.deviation();
  json["histogram"] = to_json(histogram);
  return json;
}

}  // namespace convoy
