#pragma once
// Mean, deviation, smallest and largest value of groups of numbers, over the training rows.
#include <functional>
#include <span>
#include <vector>

#include "convoy/data/peers/segments.hpp"

#pragma GCC visibility push(default)

namespace convoy {

/// Statistics of some numbers. NaN (missing) is not counted.
struct Statistics {
  double count = 0;  ///< a whole number, exact up to 2^53
  double sum = 0;
  double squares = 0;  ///< of differences from the mean; 0 when nobody asked for them
  double min = 0;
  double max = 0;
  double mean() const;
  /// Population standard deviation (ddof 0); 0 when the numbers differ by no more than rounding
  /// explains.
  double deviation() const;
};

/// What one pass over some rows adds up, group by group.
class StatisticsPass {
 public:
  static constexpr std::size_t first_width = 4;   ///< count, sum, min, max
  static constexpr std::size_t second_width = 1;  ///< squares

  /// A first pass (no means), or a second with each group's mean. `partial` has width * groups
  /// numbers, which are overwritten.
  StatisticsPass(std::span<double> partial, std::span<const double> means);
  /// Numbers of a group.
  void add(std::size_t group, std::span<const double> numbers);

 private:
  std::span<double> partial_;
  std::span<const double> means_;
};

/// Gives a pass the numbers of the training rows at these positions.
using Feed = std::function<void(Range positions, StatisticsPass& pass)>;

/// Collective: one all_gather, two with `squares` (as a mean must be known before differences from
/// it). Every worker feeds its own segments (data/peers/segments) only; the result has the same
/// bits on every worker and for any number of them. Throws as `reduce_rows` does.
std::vector<Statistics> fit_statistics(std::int64_t rows, std::size_t groups, bool squares,
                                       const Feed& feed, Peers* peers);

}  // namespace convoy

#pragma GCC visibility pop
