// Declared in data/preprocess/steps/steps.hpp.
// Steps that make numbers of categories.
#include <fmt/format.h>
#include <xxhash.h>

#include <algorithm>
#include <limits>

#include "convoy/core/error.hpp"
#include "data/formats/csv_lexer.hpp"
#include "data/preprocess/column_counts.hpp"
#include "data/preprocess/steps/columns.hpp"
#include "data/preprocess/steps/steps.hpp"

namespace convoy::steps {
namespace {

// A one_hot column a category: more than this is an identifier, not a category.
constexpr std::size_t most_categories = 10'000;

constexpr double missing_number = std::numeric_limits<double>::quiet_NaN();

/// A column of numbers in place of one of categories: a number for each category that this column
/// has, missing where it is missing.
Column numbers_for(const Column& column, const std::vector<double>& numbers) {
  Column out;
  out.name = column.name;
  out.numbers.reserve(column.codes.size());
  for (const std::int32_t code : column.codes)
    out.numbers.push_back(code < 0 ? missing_number : numbers[static_cast<std::size_t>(code)]);
  return out;
}

/// Which of the fitted categories (ascending) each of the column's is; -1 for none.
std::vector<std::int64_t> positions_of(const Column& column,
                                       const std::vector<std::string>& categories) {
  std::vector<std::int64_t> positions;
  for (const std::string& category : column.categories) {
    const auto known = std::lower_bound(categories.begin(), categories.end(), category);
    positions.push_back(
        known == categories.end() || *known != category ? -1 : known - categories.begin());
  }
  return positions;
}

/// The 0/1 columns that take a categorical column's place.
std::vector<Column> one_hot(const Column& column, const std::vector<std::string>& categories) {
  const std::vector<std::int64_t> positions = positions_of(column, categories);
  std::vector<Column> out(categories.size());
  for (std::size_t i = 0; i < categories.size(); ++i) {
    out[i].name = fmt::format("{}={}", column.name, categories[i]);
    out[i].numbers.resize(column.codes.size());
  }
  for (std::size_t row = 0; row < column.codes.size(); ++row) {
    const std::int64_t position = positions[static_cast<std::size_t>(column.codes[row])];
    if (position >= 0) out[static_cast<std::size_t>(position)].numbers[row] = 1;
  }
  return out;
}

Column ordinal(const Column& column, const std::vector<std::string>& categories) {
  std::vector<double> numbers;
  for (const std::int64_t position : positions_of(column, categories))
    numbers.push_back(static_cast<double>(position));
  return numbers_for(column, numbers);
}

Column frequency(const Column& column, const std::vector<std::string>& categories,
                 const std::vector<double>& parts) {
  std::vector<double> numbers;
  for (const std::int64_t position : positions_of(column, categories))
    numbers.push_back(position < 0 ? 0 : parts[static_cast<std::size_t>(position)]);
  return numbers_for(column, numbers);
}

/// K. Weinberger et al., Feature Hashing for Large Scale Multitask Learning (2009): the hash's
/// remainder says which column, its highest bit the sign.
std::vector<Column> hashed(const Column& column, std::int64_t width) {
  std::vector<Column> out(static_cast<std::size_t>(width));
  for (std::size_t i = 0; i < out.size(); ++i) {
    out[i].name = fmt::format("{}#{}", column.name, i);
    out[i].numbers.resize(column.codes.size());
  }
  std::vector<std::uint64_t> hashes;
  for (const std::string& category : column.categories) {
    const std::string text = fmt::format("{}={}", column.name, category);
    hashes.push_back(XXH64(text.data(), text.size(), 0));
  }
  for (std::size_t row = 0; row < column.codes.size(); ++row) {
    if (column.codes[row] < 0) continue;
    const std::uint64_t hash = hashes[static_cast<std::size_t>(column.codes[row])];
    out[hash % out.size()].numbers[row] = hash >> 63 ? -1 : 1;
  }
  return out;
}

void require_few(const std::string& kind, const std::string& column, std::size_t categories) {
  if (categories <= most_categories) return;
  fail_step(kind, fmt::format("column {} has {} categories; leave it out with data.csv.ignore if "
                              "it only identifies rows, or use hashing or frequency",
                              in_quotes(column), categories));
}

void fit_categories(FittedStep& fitted, TrainingRows& rows, Peers* peers) {
  const std::vector<ColumnCounts> counts = count_values(fitted.columns, rows, peers);
  for (std::size_t i = 0; i < counts.size(); ++i) {
    if (fitted.kind == "one_hot")
      require_few(fitted.kind, fitted.columns[i], counts[i].texts.size());
    fitted.categories.emplace_back();
    std::vector<double> parts;
    for (const auto& [text, times] : counts[i].texts) {
      fitted.categories.back().push_back(text);
      parts.push_back(static_cast<double>(times) / static_cast<double>(rows.size()));
    }
    if (fitted.kind == "frequency") fitted.parts.push_back(std::move(parts));
  }
}

}  // namespace

FittedStep fit_encoding(const PreprocessStep& step, TrainingRows& rows, Peers* peers) {
  FittedStep fitted;
  fitted.kind = step.kind;
  fitted.columns = columns_of(step, rows.head(), false, true);
  if (step.kind == "hashing") {
    if (step.width < 1 || step.width > most_hashed_columns) {
      fail_step(step.kind, fmt::format("width: {}: write a whole number from 1 to {}", step.width,
                                       most_hashed_columns));
    }
    fitted.width = step.width;
  } else {
    fit_categories(fitted, rows, peers);
  }
  return fitted;
}

void apply_encoding(const FittedStep& step, Frame& frame) {
  for (const std::string& name : step.columns) {
    const Column& column = require_column(frame, step.kind, name);
    require_text(step.kind, column, frame);
    if (step.kind == "one_hot") require_no_missing(step.kind, column, frame);
  }
  replace_columns(step, frame, [&](std::size_t i, const Column& column) -> std::vector<Column> {
    if (step.kind == "one_hot") return one_hot(column, step.categories[i]);
    if (step.kind == "ordinal") return {ordinal(column, step.categories[i])};
    if (step.kind == "frequency") return {frequency(column, step.categories[i], step.parts[i])};
    return hashed(column, step.width);
  });
}

}  // namespace convoy::steps
