// Applying fitted steps to a frame.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "convoy/core/error.hpp"
#include "data/csv_lexer.hpp"
#include "data/table_pipeline.hpp"

namespace convoy {
namespace {

void apply_numbers(const FittedStep& step, std::size_t entry, Column& column) {
  if (step.kind == "clip") {
    for (double& x : column.numbers)
      x = std::isnan(x) ? x : std::min(std::max(x, step.low), step.high);
    return;
  }
  const double subtract = step.subtract[entry];
  const double divide = step.divide[entry];
  const double add = step.add[entry];
  for (double& x : column.numbers) x = (x - subtract) / divide + add;
}

void apply_impute(const FittedStep& step, std::size_t entry, Column& column) {
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

/// The 0/1 columns that take a categorical column's place.
std::vector<Column> one_hot(const Column& column, const std::vector<std::string>& categories,
                            const Frame& frame) {
  if (!column.categorical) {
    throw DataError(frame.file, fmt::format("column {} holds numbers where one_hot needs text",
                                            in_quotes(column.name)));
  }
  const std::int64_t absent = count_missing(column, frame.numbers.size());
  if (absent > 0) {
    throw DataError(
        frame.file,
        fmt::format(
            "column {} has {} missing value{}; put impute: {{with: mode, columns: [{}]}} or "
            "drop_missing before one_hot",
            in_quotes(column.name), absent, absent == 1 ? "" : "s", column.name));
  }
  std::vector<Column> out;
  for (const std::string& category : categories) {
    const auto known = std::find(column.categories.begin(), column.categories.end(), category);
    const auto code = known == column.categories.end()
                          ? -1
                          : static_cast<std::int32_t>(known - column.categories.begin());
    Column indicator;
    indicator.name = fmt::format("{}={}", column.name, category);
    indicator.numbers.resize(frame.numbers.size());
    for (std::size_t row = 0; row < frame.numbers.size(); ++row)
      indicator.numbers[row] = column.codes[row] == code;
    out.push_back(std::move(indicator));
  }
  return out;
}

void apply_one_hot(const FittedStep& step, Frame& frame) {
  std::vector<Column> out;
  for (Column& column : frame.features) {
    const auto entry = std::find(step.columns.begin(), step.columns.end(), column.name);
    if (entry == step.columns.end()) {
      out.push_back(std::move(column));
      continue;
    }
    const auto index = static_cast<std::size_t>(entry - step.columns.begin());
    for (Column& indicator : one_hot(column, step.categories[index], frame))
      out.push_back(std::move(indicator));
  }
  frame.features = std::move(out);
}

void apply_drop_missing(const FittedStep& step, Frame& frame) {
  std::vector<std::int64_t> kept;
  std::vector<const Column*> looked_at;
  for (const auto* columns : {&frame.features, &frame.targets}) {
    for (const Column& column : *columns) {
      const bool named =
          std::find(step.columns.begin(), step.columns.end(), column.name) != step.columns.end();
      if (step.columns.empty() || named) looked_at.push_back(&column);
    }
  }
  for (std::size_t row = 0; row < frame.numbers.size(); ++row) {
    const auto absent = [row](const Column* column) { return is_missing(*column, row); };
    if (std::none_of(looked_at.begin(), looked_at.end(), absent))
      kept.push_back(static_cast<std::int64_t>(row));
  }
  if (kept.size() == frame.numbers.size()) return;
  frame.features = take_rows(frame.features, kept);
  frame.targets = take_rows(frame.targets, kept);
  for (std::size_t i = 0; i < kept.size(); ++i)
    frame.numbers[i] = frame.numbers[static_cast<std::size_t>(kept[i])];
  frame.numbers.resize(kept.size());
}

}  // namespace

void apply_step(const FittedStep& step, Frame& frame) {
  if (step.kind == "drop_missing") return apply_drop_missing(step, frame);
  for (std::size_t i = 0; i < step.columns.size(); ++i) {
    Column& column = require_column(frame, step.kind, step.columns[i]);
    if (step.kind == "impute")
      apply_impute(step, i, column);
    else if (step.kind != "one_hot")
      apply_numbers(step, i, column);
  }
  if (step.kind == "one_hot") apply_one_hot(step, frame);
}

}  // namespace convoy
