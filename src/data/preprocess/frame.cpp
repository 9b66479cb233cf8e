#include "convoy/data/preprocess/frame.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <cmath>
#include <functional>

#include "convoy/core/error.hpp"
#include "core/tasks.hpp"
#include "data/formats/csv_lexer.hpp"

namespace convoy {

bool is_missing(const Column& column, std::size_t row) {
  return column.categorical ? column.codes[row] < 0 : std::isnan(column.numbers[row]);
}

std::int64_t count_missing(const Column& column, std::size_t rows) {
  std::int64_t count = 0;
  for (std::size_t row = 0; row < rows; ++row) count += is_missing(column, row);
  return count;
}

Column* find_column(std::vector<Column>& columns, const std::string& name) {
  const auto found =
      std::find_if(columns.begin(), columns.end(), [&](const Column& c) { return c.name == name; });
  return found == columns.end() ? nullptr : &*found;
}

const Column* find_column(const std::vector<Column>& columns, const std::string& name) {
  const auto found =
      std::find_if(columns.begin(), columns.end(), [&](const Column& c) { return c.name == name; });
  return found == columns.end() ? nullptr : &*found;
}

void fail_step(const std::string& kind, const std::string& problem) {
  throw InputError(fmt::format("preprocess: {}: {}", kind, problem));
}

Column& require_column(Frame& frame, const std::string& kind, const std::string& name) {
  if (Column* column = find_column(frame.features, name)) return *column;
  if (find_column(frame.targets, name)) {
    fail_step(kind,
              fmt::format("column {} is the target; steps change features only", in_quotes(name)));
  }
  fail_step(kind, fmt::format("no column {} at this step; there are {}", in_quotes(name),
                              name_list(feature_names(frame))));
}

namespace {

/// Whether each row follows the one before it.
bool are_successive(std::span<const std::int64_t> rows) {
  for (std::size_t i = 1; i < rows.size(); ++i) {
    if (rows[i] != rows[i - 1] + 1) return false;
  }
  return true;
}

template <typename T>
std::vector<T> values_at(const std::vector<T>& values, std::span<const std::int64_t> rows,
                         bool successive) {
  if (rows.empty()) return {};
  if (successive) {
    const auto begin = values.begin() + rows[0];
    return {begin, begin + static_cast<std::ptrdiff_t>(rows.size())};
  }
  std::vector<T> taken;
  taken.reserve(rows.size());
  for (const std::int64_t row : rows) taken.push_back(values[static_cast<std::size_t>(row)]);
  return taken;
}

constexpr std::size_t values_worth_threads = 1 << 18;

/// For each of `count` things that have some values together: with threads where that pays.
void for_each_of_many(std::size_t count, std::size_t values,
                      const std::function<void(std::size_t)>& task) {
  if (values >= values_worth_threads) return run_tasks(count, task);
  for (std::size_t i = 0; i < count; ++i) task(i);
}

}  // namespace

std::vector<Column> take_rows(const std::vector<Column>& columns,
                              std::span<const std::int64_t> rows) {
  std::vector<Column> out(columns.size());
  const bool successive = are_successive(rows);
  for_each_of_many(columns.size(), columns.size() * rows.size(), [&](std::size_t c) {
    const Column& column = columns[c];
    out[c].name = column.name;
    out[c].categorical = column.categorical;
    out[c].categories = column.categories;
    if (column.categorical)
      out[c].codes = values_at(column.codes, rows, successive);
    else
      out[c].numbers = values_at(column.numbers, rows, successive);
  });
  return out;
}

std::vector<std::string> feature_names(const Frame& frame) {
  std::vector<std::string> names;
  for (const Column& column : frame.features) names.push_back(column.name);
  return names;
}

namespace {

void require_numbers(const Column& column, const Frame& frame) {
  if (column.categorical) {
    throw DataError(
        frame.file,
        fmt::format("column {} holds text ({}); add the preprocessing step one_hot (or ordinal, "
                    "frequency, hashing), or leave it out with data.csv.ignore",
                    in_quotes(column.name),
                    column.categories.empty() ? "none" : in_quotes(column.categories[0])));
  }
  if (const std::int64_t absent = count_missing(column, frame.numbers.size()); absent > 0) {
    throw DataError(
        frame.file,
        fmt::format("column {} has {} missing value{}; add the preprocessing step impute or "
                    "drop_missing",
                    in_quotes(column.name), absent, absent == 1 ? "" : "s"));
  }
}

/// Throws for the first column that cannot be one of a matrix, if there is one.
void require_matrix(const Frame& frame) {
  for (const Column& column : frame.features) {
    require_numbers(column, frame);
    for (std::size_t row = 0; row < frame.numbers.size(); ++row) {
      if (std::isfinite(static_cast<float>(column.numbers[row]))) continue;
      throw DataError(fmt::format("{}, sample {}", frame.file, frame.numbers[row]),
                      fmt::format("column {}: {} does not fit a 32-bit number; scale it first",
                                  in_quotes(column.name), column.numbers[row]));
    }
  }
}

constexpr std::size_t rows_of_block = 512;  // of which all columns stay in the cache

/// Fills some rows of a matrix. False when a value is none that fits.
bool fill_block(const Frame& frame, std::size_t begin, std::size_t end, float* matrix) {
  const std::size_t width = frame.features.size();
  unsigned odd = 0;
  for (std::size_t c = 0; c < width; ++c) {
    const double* const from = frame.features[c].numbers.data();
    float* to = matrix + begin * width + c;
    for (std::size_t row = begin; row < end; ++row, to += width) {
      *to = static_cast<float>(from[row]);
      odd |= std::isfinite(*to) ? 0U : 1U;
    }
  }
  return odd == 0;
}

}  // namespace

Array to_matrix(const Frame& frame) {
  const std::size_t width = frame.features.size();
  const std::size_t rows = frame.numbers.size();
  const auto is_text = [](const Column& column) { return column.categorical; };
  if (std::ranges::any_of(frame.features, is_text)) require_matrix(frame);
  auto values = std::make_shared<std::vector<float>>(rows * width);
  std::atomic<bool> fits = true;
  constexpr std::size_t rows_of_task = 64 * rows_of_block;
  for_each_of_many((rows + rows_of_task - 1) / rows_of_task, rows * width, [&](std::size_t task) {
    const std::size_t end = std::min(rows, (task + 1) * rows_of_task);
    for (std::size_t row = task * rows_of_task; row < end; row += rows_of_block) {
      if (!fill_block(frame, row, std::min(end, row + rows_of_block), values->data())) fits = false;
    }
  });
  if (!fits) require_matrix(frame);
  Array matrix;
  matrix.type = ElementType::f32;
  matrix.shape = {static_cast<std::int64_t>(rows), static_cast<std::int64_t>(width)};
  matrix.bytes = std::as_bytes(std::span<const float>(*values));
  matrix.owner = std::move(values);
  return matrix;
}

}  // namespace convoy
