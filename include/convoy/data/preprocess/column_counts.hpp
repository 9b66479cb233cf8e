#pragma once
// How often each value is in the columns of the training split, counted by all workers together.
#include <cstdint>
#include <functional>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "convoy/core/peers.hpp"
#include "convoy/data/formats/formats.hpp"
#include "convoy/data/preprocess/training_rows.hpp"
#include "convoy/lanes/lane.hpp"

#pragma GCC visibility push(default)

namespace convoy {

struct NumberCount {
  double number = 0;
  std::int64_t times = 0;
};

/// One column's values, without the missing ones. Which member counts is the column's type.
struct ColumnCounts {
  std::vector<NumberCount> numbers;           ///< ascending; 0 stands for -0 too
  std::map<std::string, std::int64_t> texts;  ///< ascending
  bool empty() const { return numbers.empty() && texts.empty(); }
};

/// How often each value is in a column.
ColumnCounts count_values(const Column& column);

/// The same of columns of the training rows, numbers within `error` as NumberCounter has it.
/// Collective: one all_gather. Each worker counts (and sorts) the rows of its own segments
/// (data/peers/segments); the sorted runs are merged. Exact, or of numbers brought to the same
/// grid, so the same for any number of workers. Throws as `gather` does.
std::vector<ColumnCounts> count_values(const std::vector<std::string>& names, TrainingRows& rows,
                                       Peers* peers, double error = 0);

/// Counts the numbers of groups. Takes 16 bytes for each value that is different from the others of
/// its group, and up to three times that while it counts. With an error each number x counts as the
/// nearest one whose mantissa has few bits, at most error * |x| away: a histogram with linear steps
/// between powers of two (as HdrHistogram's), whose bins do not depend on what comes or in which
/// order. So every order statistic is within that error, and of 2^-1022 where that is more.
class NumberCounter {
 public:
  explicit NumberCounter(std::size_t groups, double error = 0);
  /// NaN (missing) is not counted.
  void add(std::size_t group, std::span<const double> numbers);
  /// What was counted, ascending; the group is empty afterwards.
  std::vector<NumberCount> take(std::size_t group);

 private:
  struct Group {
    std::vector<NumberCount> counts;  // the first `united` ascend, the others come as they came
    std::size_t united = 0;
  };
  static void unite(Group& group);
  double on_grid(double x) const;

  int dropped_bits_;  // of the mantissa's 52
  std::vector<Group> groups_;
};

/// The counts of each group's numbers, as count_values makes them: what `feed` gives the counter
/// for the training rows at these positions. Every worker holds every group's different values.
std::vector<std::vector<NumberCount>> count_numbers(
    std::int64_t rows, std::size_t groups,
    const std::function<void(Range positions, NumberCounter& counter)>& feed, Peers* peers,
    double error = 0);

/// Of counted numbers or texts, which must not be empty.
double median(const std::vector<NumberCount>& numbers);
/// Of values equally frequent, the smallest.
double most_frequent(const std::vector<NumberCount>& numbers);
std::string most_frequent(const std::map<std::string, std::int64_t>& texts);

}  // namespace convoy

#pragma GCC visibility pop
