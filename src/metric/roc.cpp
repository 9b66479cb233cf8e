#include "metric/roc.hpp"

#include <algorithm>
#include <cmath>
#include <cstdint>

namespace convoy {
namespace {

struct Count {
  std::size_t negative = 0;
  std::size_t positive = 0;
};

// Calls `visit` with how many of each group score at least each distinct value, from the highest
// value down.
template <typename Visit>
void for_each_threshold(const Scores& sorted, Visit visit) {
  Count seen;
  const auto& [positive, negative] = sorted;
  while (seen.positive < positive.size() || seen.negative < negative.size()) {
    double value = -INFINITY;
    if (seen.positive < positive.size()) value = std::max(value, positive[seen.positive]);
    if (seen.negative < negative.size()) value = std::max(value, negative[seen.negative]);
    while (seen.positive < positive.size() && positive[seen.positive] == value) ++seen.positive;
    while (seen.negative < negative.size() && negative[seen.negative] == value) ++seen.negative;
    visit(seen);
  }
}

// Whether b lies on the straight line from a to c, so that the curve looks the same without it.
bool is_between(const Count& a, const Count& b, const Count& c) {
  return (b.positive - a.positive) * (c.negative - b.negative) ==
         (c.positive - b.positive) * (b.negative - a.negative);
}

std::vector<Count> corners(const Scores& sorted) {
  std::vector<Count> points{{}};
  for_each_threshold(sorted, [&](const Count& next) {
    const std::size_t n = points.size();
    if (n >= 2 && is_between(points[n - 2], points[n - 1], next)) points.pop_back();
    points.push_back(next);
  });
  return points;
}

}  // namespace

std::optional<double> roc_area(Scores& scores) {
  if (scores.positive.empty() || scores.negative.empty()) return std::nullopt;
  std::sort(scores.positive.begin(), scores.positive.end(), std::greater<>());
  std::sort(scores.negative.begin(), scores.negative.end(), std::greater<>());
  // Twice the number of (positive, negative) pairs in the right order, a tie counting one: exact in
  // integers.
  std::uint64_t twice_area = 0;
  Count before;
  for_each_threshold(scores, [&](const Count& seen) {
    twice_area += (seen.negative - before.negative) * (seen.positive + before.positive);
    before = seen;
  });
  return static_cast<double>(twice_area) / 2 /
         (static_cast<double>(scores.positive.size()) *
          static_cast<double>(scores.negative.size()));
}

std::vector<std::array<double, 2>> roc_curve(const Scores& sorted, std::size_t limit) {
  if (sorted.positive.empty() || sorted.negative.empty()) return {};
  const auto rate = [&](const Count& count) {
    return std::array<double, 2>{
        static_cast<double>(count.negative) / static_cast<double>(sorted.negative.size()),
        static_cast<double>(count.positive) / static_cast<double>(sorted.positive.size())};
  };
  const std::vector<Count> points = corners(sorted);
  std::vector<std::array<double, 2>> curve{rate(points.front())};
  // Even steps along the curve (fpr + tpr runs from 0 to 2), so that a steep part keeps its shape.
  const double step = points.size() <= limit ? 0 : 2.0 / static_cast<double>(limit - 2);
  double next = step;
  for (std::size_t i = 1; i + 1 < points.size(); ++i) {
    const auto point = rate(points[i]);
    if (point[0] + point[1] < next) continue;
    curve.push_back(point);
    if (step > 0) next = (std::floor((point[0] + point[1]) / step) + 1) * step;
  }
  curve.push_back(rate(points.back()));
  return curve;
}

}  // namespace convoy
