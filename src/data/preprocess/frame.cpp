#include "data/preprocess/frame.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "convoy/core/error.hpp"
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

std::vector<Column> take_rows(const std::vector<Column>& columns,
                              std::span<const std::int64_t> rows) {
  std::vector<Column> out;
  for (const Column& column : columns) {
    Column taken;
    taken.name = column.name;
    taken.categorical = column.categorical;
    taken.categories = column.categories;
    for (const std::int64_t row : rows) {
      if (column.categorical)
        taken.codes.push_back(column.codes[static_cast<std::size_t>(row)]);
      else
        taken.numbers.push_back(column.numbers[static_cast<std::size_t>(row)]);
    }
    out.push_back(std::move(taken));
  }
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

}  // namespace

Array to_matrix(const Frame& frame) {
  const std::size_t width = frame.features.size();
  const std::size_t rows = frame.numbers.size();
  auto values = std::make_shared<std::vector<float>>(rows * width);
  for (std::size_t c = 0; c < width; ++c) {
    const Column& column = frame.features[c];
    require_numbers(column, frame);
    for (std::size_t row = 0; row < rows; ++row) {
      const auto value = static_cast<float>(column.numbers[row]);
      if (!std::isfinite(value)) {
        throw DataError(fmt::format("{}, sample {}", frame.file, frame.numbers[row]),
                        fmt::format("column {}: {} does not fit a 32-bit number; scale it first",
                                    in_quotes(column.name), column.numbers[row]));
      }
      (*values)[row * width + c] = value;
    }
  }
  Array matrix;
  matrix.type = ElementType::f32;
  matrix.shape = {static_cast<std::int64_t>(rows), static_cast<std::int64_t>(width)};
  matrix.bytes = std::as_bytes(std::span<const float>(*values));
  matrix.owner = std::move(values);
  return matrix;
}

}  // namespace convoy
