#include "data/inspect/histogram.hpp"

#include <algorithm>

namespace convoy {

std::size_t Histogram::bin_of(double x) const {
  // Halves, as the width of a range may be beyond a double.
  const double width = to / 2 - from / 2;
  if (width <= 0) return 0;
  const double position = (x / 2 - from / 2) / width * static_cast<double>(counts.size());
  return std::min(counts.size() - 1, static_cast<std::size_t>(std::max(0.0, position)));
}

Histogram empty_histogram(double min, double max, bool whole) {
  constexpr double most_bins = 20;
  if (min == max) return {min, max, {0}};
  if (whole && max - min < most_bins)
    return {min - 0.5, max + 0.5,
            std::vector<std::int64_t>(static_cast<std::size_t>(max - min) + 1)};
  return {min, max, std::vector<std::int64_t>(static_cast<std::size_t>(most_bins))};
}

nlohmann::ordered_json to_json(const Histogram& histogram) {
  return {{"from", histogram.from}, {"to", histogram.to}, {"counts", histogram.counts}};
}

}  // namespace convoy
