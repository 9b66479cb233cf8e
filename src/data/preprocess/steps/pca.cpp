// Declared in data/preprocess/steps/steps.hpp.
// Principal components of columns (data/preprocess/principal_components).
#include <fmt/format.h>

#include "data/preprocess/principal_components.hpp"
#include "data/preprocess/steps/columns.hpp"
#include "data/preprocess/steps/steps.hpp"

namespace convoy::steps {

FittedStep fit_pca(const PreprocessStep& step, TrainingRows& rows, Peers* peers) {
  std::vector<std::string> names = columns_of(step, rows.head(), true, false);
  if (names.empty()) fail_step(step.kind, "there is no column of numbers at this step");
  const std::size_t count = component_count(step, names.size(), rows.size(), "columns");
  require_no_missing(step.kind, names, rows);
  std::vector<double> means;
  for (const Statistics& statistics : column_statistics(names, rows, false, false, peers))
    means.push_back(statistics.mean());
  const auto feed = [&](Range positions, const SeeRow& see) {
    std::vector<double> row(names.size());
    rows.read(positions, [&](const Frame& frame, Range part) {
      const std::vector<const Column*> columns = find_columns(frame, names);
      for (auto at = static_cast<std::size_t>(part.begin); at < static_cast<std::size_t>(part.end);
           ++at) {
        for (std::size_t i = 0; i < row.size(); ++i) row[i] = columns[i]->numbers[at];
        see(row);
      }
    });
  };
  FittedStep fitted = fit_components(step, rows.size(), std::move(means), count, feed, peers);
  fitted.columns = std::move(names);
  return fitted;
}

void apply_pca(const FittedStep& step, Frame& frame) {
  std::vector<const Column*> columns;
  for (const std::string& name : step.columns) {
    columns.push_back(&require_column(frame, step.kind, name));
    require_numbers(step.kind, *columns.back(), frame);
    require_no_missing(step.kind, *columns.back(), frame);
  }
  std::vector<Column> made(step.components.size());
  for (std::size_t i = 0; i < made.size(); ++i) {
    made[i].name = fmt::format("pc{}", i + 1);
    made[i].numbers.resize(frame.numbers.size());
  }
  std::vector<double> row(columns.size());
  std::vector<double> components(made.size());
  for (std::size_t at = 0; at < frame.numbers.size(); ++at) {
    for (std::size_t j = 0; j < row.size(); ++j) row[j] = columns[j]->numbers[at];
    to_components(step, row, components);
    for (std::size_t i = 0; i < made.size(); ++i) made[i].numbers[at] = components[i];
  }
  // They take the place of the first.
  bool placed = false;
  replace_columns(step, frame, [&](std::size_t, const Column&) -> std::vector<Column> {
    return std::exchange(placed, true) ? std::vector<Column>() : std::move(made);
  });
}

}  // namespace convoy::steps
