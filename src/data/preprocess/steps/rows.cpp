// Declared in data/preprocess/steps/steps.hpp.
// Steps that look for rows which are not like the others, or too much like them.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <limits>
#include <numeric>
#include <unordered_map>

#include "convoy/core/checksum.hpp"
#include "convoy/core/error.hpp"
#include "data/preprocess/column_counts.hpp"
#include "data/preprocess/quantiles.hpp"
#include "data/preprocess/steps/columns.hpp"
#include "data/preprocess/steps/steps.hpp"

namespace convoy::steps {
namespace {

constexpr double no_bound = std::numeric_limits<double>::max();

/// Bounds at `reach` beyond `low` and `high`. Where the reach is 0 (most values are equal) it says
/// nothing about the others: there are no bounds then.
void add_bounds(double low, double high, double reach, FittedStep& fitted) {
  const bool some = reach > 0 && std::isfinite(reach);
  fitted.lower.push_back(some ? std::max(low - reach, -no_bound) : -no_bound);
  fitted.upper.push_back(some ? std::min(high + reach, no_bound) : no_bound);
}

void fit_quartiles(double limit, double error, FittedStep& fitted, TrainingRows& rows,
                   Peers* peers) {
  static constexpr std::array parts = {0.25, 0.75};
  const std::vector<ColumnCounts> counts = count_values(fitted.columns, rows, peers, error);
  for (std::size_t i = 0; i < counts.size(); ++i) {
    if (counts[i].empty()) fail_without_value(fitted.kind, fitted.columns[i]);
    const std::vector<double> quartiles = quantiles_at(counts[i].numbers, parts);
    add_bounds(quartiles[0], quartiles[1], limit * (quartiles[1] - quartiles[0]), fitted);
  }
}

void fit_deviations(double limit, FittedStep& fitted, TrainingRows& rows, Peers* peers) {
  const std::vector<Statistics> statistics =
      column_statistics(fitted.columns, rows, false, true, peers);
  for (std::size_t i = 0; i < statistics.size(); ++i) {
    if (statistics[i].count == 0) fail_without_value(fitted.kind, fitted.columns[i]);
    add_bounds(statistics[i].mean(), statistics[i].mean(), limit * statistics[i].deviation(),
               fitted);
  }
}

/// Rows by what they hold in some columns. Missing values are equal to each other, and 0 to -0.
class RowSet {
 public:
  explicit RowSet(std::vector<const Column*> columns) : columns_(std::move(columns)) {}

  /// False when an equal row is there already.
  bool insert(std::size_t row) {
    key_.clear();
    for (const Column* column : columns_) key_.push_back(value(*column, row));
    const std::uint64_t hash = xxh3(std::as_bytes(std::span(key_)));
    const auto [begin, end] = rows_.equal_range(hash);
    if (std::any_of(begin, end, [&](const auto& known) { return equal(known.second, row); }))
      return false;
    rows_.emplace(hash, row);
    return true;
  }

 private:
  static double value(const Column& column, std::size_t row) {
    if (column.categorical) return column.codes[row];
    const double x = column.numbers[row];
    return std::isnan(x) ? std::numeric_limits<double>::quiet_NaN() : x == 0 ? 0 : x;
  }
  bool equal(std::size_t a, std::size_t b) const {
    return std::all_of(columns_.begin(), columns_.end(), [&](const Column* column) {
      const double x = value(*column, a);
      const double y = value(*column, b);
      return x == y || (std::isnan(x) && std::isnan(y));
    });
  }

  std::vector<const Column*> columns_;
  std::vector<double> key_;
  std::unordered_multimap<std::uint64_t, std::size_t> rows_;
};

}  // namespace

FittedStep fit_outliers(const PreprocessStep& step, TrainingRows& rows, Peers* peers) {
  if (step.method != "iqr" && step.method != "z")
    fail_step(step.kind, fmt::format("method: '{}': write iqr or z", step.method));
  if (step.action != "clip" && step.action != "missing" && step.action != "drop")
    fail_step(step.kind, fmt::format("action: '{}': write clip, missing or drop", step.action));
  if (!(step.limit >= 0) || !std::isfinite(step.limit))
    fail_step(step.kind, fmt::format("limit: {}: write a number of at least 0", step.limit));
  if (step.error > 0 && step.method != "iqr")
    fail_step(step.kind, "error: is for method: iqr; z is exact");
  FittedStep fitted;
  fitted.kind = step.kind;
  fitted.columns = columns_of(step, rows.head(), true, false);
  fitted.action = step.action;
  if (step.method == "iqr")
    fit_quartiles(step.limit == 0 ? 1.5 : step.limit, step.error, fitted, rows, peers);
  else
    fit_deviations(step.limit == 0 ? 3 : step.limit, fitted, rows, peers);
  return fitted;
}

void apply_outliers(const FittedStep& step, Frame& frame) {
  if (step.action == "drop") return;
  for (std::size_t i = 0; i < step.columns.size(); ++i) {
    Column& column = require_column(frame, step.kind, step.columns[i]);
    require_numbers(step.kind, column, frame);
    for (double& x : column.numbers) {
      if (!(x < step.lower[i] || x > step.upper[i])) continue;
      x = step.action == "missing" ? std::numeric_limits<double>::quiet_NaN()
                                   : std::clamp(x, step.lower[i], step.upper[i]);
    }
  }
}

void drop_outliers(const FittedStep& step, Frame& frame) {
  const std::vector<const Column*> columns = find_columns(frame, step.columns);
  std::vector<std::int64_t> kept;
  for (std::size_t row = 0; row < frame.numbers.size(); ++row) {
    bool outside = false;
    for (std::size_t i = 0; i < columns.size(); ++i) {
      const double x = columns[i]->numbers[row];
      outside = outside || x < step.lower[i] || x > step.upper[i];
    }
    if (!outside) kept.push_back(static_cast<std::int64_t>(row));
  }
  keep_rows(frame, kept);
}

void drop_duplicates(const FittedStep& step, Frame& frame) {
  RowSet rows(named_columns(step, frame));
  std::vector<std::int64_t> kept;
  for (std::size_t row = 0; row < frame.numbers.size(); ++row) {
    if (rows.insert(row)) kept.push_back(static_cast<std::int64_t>(row));
  }
  keep_rows(frame, kept);
}

}  // namespace convoy::steps
