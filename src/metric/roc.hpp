#pragma once
// Receiver operating characteristic of scores for a two-way decision.
#include <array>
#include <optional>
#include <vector>

namespace convoy {

/// Scores of the two groups, in any order; none may be NaN.
struct Scores {
  std::vector<double> positive;
  std::vector<double> negative;
};

/// The area under the curve by ranks (Mann-Whitney), ties counting half. Empty when a group is
/// empty. Sorts both groups, descending.
std::optional<double> roc_area(Scores& scores);

/// The curve as [false positive rate, true positive rate] from [0, 0] to [1, 1], corners only,
/// thinned to at most `limit` (>= 3) points. Empty when a group is empty. Takes groups as roc_area
/// leaves them.
std::vector<std::array<double, 2>> roc_curve(const Scores& sorted, std::size_t limit);

}  // namespace convoy
