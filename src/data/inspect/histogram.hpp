#pragma once
// How numbers are distributed: counts of even bins.
#include <cstdint>
#include <nlohmann/json.hpp>
#include <vector>

namespace convoy {

struct Histogram {
  double from = 0;
  double to = 0;
  std::vector<std::int64_t> counts;

  /// The bin of a number from `from` to `to`.
  std::size_t bin_of(double x) const;
};

/// 20 empty bins from `min` to `max`, or, for whole numbers of a small range, one for each.
Histogram empty_histogram(double min, double max, bool whole);

nlohmann::ordered_json to_json(const Histogram& histogram);

}  // namespace convoy
