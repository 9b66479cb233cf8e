// Principal components (K. Pearson 1901; H. Hotelling 1933).
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "convoy/core/error.hpp"
#include "data/csv_lexer.hpp"
#include "data/eigen.hpp"
#include "data/segments.hpp"
#include "data/steps/columns.hpp"
#include "data/steps/steps.hpp"

namespace convoy::steps {
namespace {

// Jacobi rotations take minutes beyond this.
constexpr std::size_t most_columns = 1000;

/// The covariance (divided by rows - 1), as its lower triangle row after row: sums of products over
/// the workers' segments, the same bits for any number of workers.
std::vector<double> covariance(const std::vector<std::string>& names,
                               const std::vector<double>& means, TrainingRows& rows, Peers* peers) {
  const std::size_t width = names.size() * (names.size() + 1) / 2;
  const auto take = [&](Range positions, std::span<double> partial) {
    std::fill(partial.begin(), partial.end(), 0.0);
    std::vector<double> row(names.size());
    rows.read(positions, [&](const Frame& frame, Range part) {
      const std::vector<const Column*> columns = find_columns(frame, names);
      for (auto at = static_cast<std::size_t>(part.begin); at < static_cast<std::size_t>(part.end);
           ++at) {
        for (std::size_t i = 0; i < row.size(); ++i) row[i] = columns[i]->numbers[at] - means[i];
        double* out = partial.data();
        for (std::size_t i = 0; i < row.size(); ++i) {
          for (std::size_t j = 0; j <= i; ++j) *out++ += row[i] * row[j];
        }
      }
    });
  };
  const auto add = [](std::span<double> left, std::span<const double> right) {
    for (std::size_t i = 0; i < left.size(); ++i) left[i] += right[i];
  };
  std::vector<double> sums = reduce_rows(rows.size(), {width, take, add}, peers);
  for (double& x : sums) x /= static_cast<double>(rows.size() - 1);
  return sums;
}

std::vector<double> square(const std::vector<double>& triangle, std::size_t size) {
  std::vector<double> matrix(size * size);
  auto from = triangle.begin();
  for (std::size_t i = 0; i < size; ++i) {
    for (std::size_t j = 0; j <= i; ++j) matrix[i * size + j] = matrix[j * size + i] = *from++;
  }
  return matrix;
}

std::size_t component_count(const PreprocessStep& step, std::size_t columns, std::int64_t rows) {
  if (columns == 0) fail_step(step.kind, "there is no column of numbers at this step");
  if (columns > most_columns) {
    fail_step(step.kind, fmt::format("{} columns are too many, {} are possible; name some in "
                                     "`columns`",
                                     columns, most_columns));
  }
  if (rows < 2) fail_step(step.kind, "one row of training data has no covariance");
  const std::size_t most = std::min(columns, static_cast<std::size_t>(rows));
  if (step.components < 0 || static_cast<std::size_t>(step.components) > most) {
    fail_step(step.kind,
              fmt::format("components: {}: there are at most {} of {} columns and {} rows",
                          step.components, most, columns, rows));
  }
  return step.components == 0 ? most : static_cast<std::size_t>(step.components);
}

}  // namespace

FittedStep fit_pca(const PreprocessStep& step, TrainingRows& rows, Peers* peers) {
  FittedStep fitted;
  fitted.kind = step.kind;
  fitted.columns = columns_of(step, rows.head(), true, false);
  const std::size_t count = component_count(step, fitted.columns.size(), rows.size());
  require_no_missing(step.kind, fitted.columns, rows);
  for (const Statistics& statistics : column_statistics(fitted.columns, rows, false, false, peers))
    fitted.subtract.push_back(statistics.mean());
  const std::vector<double> triangle = covariance(fitted.columns, fitted.subtract, rows, peers);
  if (!std::all_of(triangle.begin(), triangle.end(), [](double x) { return std::isfinite(x); }))
    fail_step(step.kind, "the values are too large to take a covariance of; scale them first");
  const std::size_t width = fitted.columns.size();
  const EigenPairs eigen = eigen_symmetric(square(triangle, width), width);
  // What is smaller is rounding: no direction to stretch.
  const double least =
      eigen.values[0] * static_cast<double>(width) * std::numeric_limits<double>::epsilon();
  for (std::size_t i = 0; i < count; ++i) {
    const double variance = eigen.values[i];
    fitted.components.push_back(eigen.vectors[i]);
    fitted.divide.push_back(step.whiten && variance > least ? std::sqrt(variance) : 1);
  }
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
  for (std::size_t at = 0; at < frame.numbers.size(); ++at) {
    for (std::size_t j = 0; j < row.size(); ++j)
      row[j] = columns[j]->numbers[at] - step.subtract[j];
    for (std::size_t i = 0; i < made.size(); ++i) {
      double sum = 0;
      for (std::size_t j = 0; j < row.size(); ++j) sum += step.components[i][j] * row[j];
      made[i].numbers[at] = sum / step.divide[i];
    }
  }
  // They take the place of the first.
  bool placed = false;
  replace_columns(step, frame, [&](std::size_t, const Column&) -> std::vector<Column> {
    return std::exchange(placed, true) ? std::vector<Column>() : std::move(made);
  });
}

}  // namespace convoy::steps
