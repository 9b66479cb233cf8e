// Declared in data/preprocess/steps/steps.hpp.
// Steps about missing values.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "convoy/core/error.hpp"
#include "data/formats/csv_lexer.hpp"
#include "data/preprocess/column_counts.hpp"
#include "data/preprocess/steps/columns.hpp"
#include "data/preprocess/steps/steps.hpp"

namespace convoy::steps {
namespace {

void impute_mean(FittedStep& fitted, TrainingRows& rows, Peers* peers) {
  const std::vector<Statistics> statistics =
      column_statistics(fitted.columns, rows, false, false, peers);
  for (std::size_t i = 0; i < statistics.size(); ++i) {
    if (statistics[i].count == 0) fail_without_value(fitted.kind, fitted.columns[i]);
    fitted.numbers[i] = statistics[i].mean();
  }
}

void impute_counted(FittedStep& fitted, const PreprocessStep& step, TrainingRows& rows,
                    Peers* peers) {
  const bool mode = step.with == "mode";
  const std::vector<const Column*> columns = find_columns(rows.head(), fitted.columns);
  const std::vector<ColumnCounts> counts = count_values(fitted.columns, rows, peers, step.error);
  for (std::size_t i = 0; i < columns.size(); ++i) {
    if (counts[i].empty()) fail_without_value(fitted.kind, fitted.columns[i]);
    if (columns[i]->categorical)
      fitted.texts[i] = most_frequent(counts[i].texts);
    else
      fitted.numbers[i] = mode ? most_frequent(counts[i].numbers) : median(counts[i].numbers);
  }
}

void fill_in(const FittedStep& step, std::size_t entry, Column& column) {
  if (!column.categorical) {
    for (double& x : column.numbers) x = std::isnan(x) ? step.numbers[entry] : x;
    return;
  }
  const auto known =
      std::find(column.categories.begin(), column.categories.end(), step.texts[entry]);
  const auto code = static_cast<std::int32_t>(known - column.categories.begin());
  if (known == column.categories.end()) column.categories.push_back(step.texts[entry]);
  std::replace_if(
      column.codes.begin(), column.codes.end(), [](std::int32_t c) { return c < 0; }, code);
}

}  // namespace

FittedStep fit_impute(const PreprocessStep& step, TrainingRows& rows, Peers* peers) {
  static constexpr std::array known = {"mean", "median", "mode", "constant"};
  if (std::find(known.begin(), known.end(), step.with) == known.end()) {
    fail_step(step.kind,
              fmt::format("with: {}: write mean, median, mode or constant", in_quotes(step.with)));
  }
  if (step.with == "constant" && !std::isfinite(step.value))
    fail_step(step.kind, "value: is not a finite number");
  if (step.error > 0 && step.with != "median")
    fail_step(step.kind, fmt::format("error: is for with: median; {} is exact", step.with));
  FittedStep fitted;
  fitted.kind = step.kind;
  fitted.columns = columns_of(step, rows.head(), true, step.with == "mode");
  fitted.numbers.resize(fitted.columns.size(), step.with == "constant" ? step.value : 0);
  fitted.texts.resize(fitted.columns.size());
  if (step.with == "mean")
    impute_mean(fitted, rows, peers);
  else if (step.with != "constant")
    impute_counted(fitted, step, rows, peers);
  return fitted;
}

void apply_impute(const FittedStep& step, Frame& frame) {
  for (std::size_t i = 0; i < step.columns.size(); ++i)
    fill_in(step, i, require_column(frame, step.kind, step.columns[i]));
}

void apply_drop_missing(const FittedStep& step, Frame& frame) {
  std::vector<std::int64_t> kept;
  const std::vector<const Column*> looked_at = named_columns(step, frame);
  for (std::size_t row = 0; row < frame.numbers.size(); ++row) {
    const auto absent = [row](const Column* column) { return is_missing(*column, row); };
    if (std::none_of(looked_at.begin(), looked_at.end(), absent))
      kept.push_back(static_cast<std::int64_t>(row));
  }
  keep_rows(frame, kept);
}

}  // namespace convoy::steps
