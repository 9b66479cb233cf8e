// Declared in data/preprocess/steps/steps.hpp.
// Steps on tables that change each number by itself.
#include <fmt/format.h>

#include "convoy/core/error.hpp"
#include "data/formats/csv_lexer.hpp"
#include "data/preprocess/elementwise.hpp"
#include "data/preprocess/steps/columns.hpp"
#include "data/preprocess/steps/steps.hpp"

namespace convoy::steps {
namespace {

void require_inside(const std::string& kind, const Column& column, const Frame& frame) {
  const std::optional<std::size_t> row = find_outside(kind, column.numbers);
  if (!row) return;
  throw DataError(place_of(frame, *row), fmt::format("column {} is {}", in_quotes(column.name),
                                                     outside_text(kind, column.numbers[*row])));
}

/// Every worker reads all rows, so that all say the same.
void require_inside(const std::string& kind, const std::vector<std::string>& names,
                    TrainingRows& rows) {
  if (kind != "log" && kind != "box_cox") return;  // the others take all numbers
  rows.read({0, rows.size()}, [&](const Frame& frame, Range) {
    for (const std::string& name : names)
      require_inside(kind, *find_column(frame.features, name), frame);
  });
}

std::vector<std::vector<NumberCount>> column_counts(const std::vector<std::string>& names,
                                                    TrainingRows& rows, bool together, double error,
                                                    Peers* peers) {
  const auto feed = [&](Range positions, NumberCounter& counter) {
    read_numbers(names, rows, positions, false,
                 [&](std::size_t column, std::span<const double> numbers) {
                   counter.add(together ? 0 : column, numbers);
                 });
  };
  return count_numbers(rows.size(), together ? 1 : names.size(), feed, peers, error);
}

/// What each column (or all together) was summed up as, once for each column.
template <typename T, typename IsEmpty>
std::vector<T> one_each(std::vector<T> groups, const std::vector<std::string>& names,
                        const std::string& kind, bool together, const IsEmpty& is_empty) {
  for (std::size_t i = 0; i < names.size(); ++i) {
    if (is_empty(groups[together ? 0 : i])) fail_without_value(kind, names[i]);
  }
  if (together) groups.resize(names.size(), T(groups[0]));
  return groups;
}

}  // namespace

FittedStep fit_numbers(const PreprocessStep& step, TrainingRows& rows, Peers* peers) {
  const std::vector<std::string> names = columns_of(step, rows.head(), true, false);
  const bool grouped = needs_statistics(step.kind) || needs_counts(step.kind);
  if (grouped && step.per != "feature" && step.per != "all") {
    fail_step(step.kind,
              fmt::format("per: {} is for images; tables have feature and all", step.per));
  }
  const bool together = grouped && step.per == "all";
  require_inside(step.kind, names, rows);
  FittedStep fitted;
  if (needs_counts(step.kind)) {
    const auto counts =
        one_each(column_counts(names, rows, together, step.error, peers), names, step.kind,
                 together, [](const auto& group) { return group.empty(); });
    fitted = fit_counted(step, rows.size(), counts);
  } else if (needs_statistics(step.kind)) {
    const auto statistics =
        one_each(column_statistics(names, rows, together, needs_squares(step.kind), peers), names,
                 step.kind, together, [](const Statistics& group) { return group.count == 0; });
    fitted = fit_elementwise(step, statistics);
  } else {
    fitted = fit_elementwise(step, std::vector<Statistics>(names.size()));
  }
  fitted.columns = names;
  return fitted;
}

void apply_numbers(const FittedStep& step, Frame& frame) {
  for (std::size_t i = 0; i < step.columns.size(); ++i) {
    Column& column = require_column(frame, step.kind, step.columns[i]);
    require_numbers(step.kind, column, frame);
    require_inside(step.kind, column, frame);
    apply_elementwise(step, i, 1, column.numbers);
  }
}

}  // namespace convoy::steps
