#pragma once
// Where in an array the values of successive rows are.
#include <arrow/array.h>

#include <cstdint>
#include <utility>
#include <vector>

namespace convoy::columnar {

class Positions {
 public:
  /// Every `step`-th value.
  Positions(std::int64_t first, std::int64_t step, std::int64_t count)
      : first_(first), step_(step), count_(count) {}
  /// These; -1: there is none.
  explicit Positions(std::vector<std::int64_t> each)
      : count_(static_cast<std::int64_t>(each.size())), each_(std::move(each)) {}

  std::int64_t count() const { return count_; }

  /// Calls `take(row, position)`; the position is -1 where the value is null.
  template <typename Take>
  void visit(const arrow::Array& array, const Take& take) const {
    const bool nulls = array.null_count() > 0;
    if (each_.empty() && !nulls) {
      for (std::int64_t i = 0; i < count_; ++i) take(i, first_ + i * step_);
      return;
    }
    for (std::int64_t i = 0; i < count_; ++i) {
      const std::int64_t at =
          each_.empty() ? first_ + i * step_ : each_[static_cast<std::size_t>(i)];
      take(i, at < 0 || (nulls && array.IsNull(at)) ? -1 : at);
    }
  }

 private:
  std::int64_t first_ = 0;
  std::int64_t step_ = 1;
  std::int64_t count_ = 0;
  std::vector<std::int64_t> each_;
};

}  // namespace convoy::columnar
