#pragma once
// How often each value is in the columns of the training split, counted by all workers together.
#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "convoy/core/peers.hpp"
#include "convoy/data/formats.hpp"

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

/// Collective: one all_gather. Each worker counts (and sorts) the rows of its own segments
/// (data/segments); the sorted runs are merged. Exact, so the same for any number of workers.
/// Throws as `gather` does.
std::vector<ColumnCounts> count_values(const std::vector<const Column*>& columns, std::int64_t rows,
                                       Peers* peers);

/// Of counted numbers or texts, which must not be empty.
double median(const std::vector<NumberCount>& numbers);
/// Of values equally frequent, the smallest.
double most_frequent(const std::vector<NumberCount>& numbers);
std::string most_frequent(const std::map<std::string, std::int64_t>& texts);

}  // namespace convoy
