// Declared in data/preprocess/steps/steps.hpp.
// Steps about how values are written.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <unordered_map>

#include "convoy/core/error.hpp"
#include "data/formats/column_builder.hpp"
#include "data/formats/csv_lexer.hpp"
#include "data/preprocess/steps/clean.hpp"
#include "data/preprocess/steps/columns.hpp"
#include "data/preprocess/steps/steps.hpp"

namespace convoy::steps {
namespace {

constexpr double not_there = std::numeric_limits<double>::quiet_NaN();

[[noreturn]] void fail_no_number(const Column& column, std::int32_t code, const Frame& frame) {
  const auto row = std::find(column.codes.begin(), column.codes.end(), code);
  throw DataError(
      place_of(frame, static_cast<std::size_t>(row - column.codes.begin())),
      fmt::format(
          "column {} is {}, which is not a number; list it in data.csv.missing if it stands "
          "for a missing value, or let all such text be missing with to_number: {{columns: "
          "[{}], invalid: true}}",
          in_quotes(column.name), in_quotes(column.categories[static_cast<std::size_t>(code)]),
          column.name));
}

/// Spellings of missing values were recognised when the file was read.
Column as_numbers(const Column& column, bool invalid, const Frame& frame) {
  if (!column.categorical) return column;
  std::vector<bool> used(column.categories.size());
  for (const std::int32_t code : column.codes) {
    if (code >= 0) used[static_cast<std::size_t>(code)] = true;
  }
  std::vector<double> numbers(column.categories.size(), not_there);
  for (std::size_t i = 0; i < numbers.size(); ++i) {
    const ParsedField field = parse_number(column.categories[i]);
    if (field.kind == FieldKind::number)
      numbers[i] = field.value;
    else if (!invalid && used[i])
      fail_no_number(column, static_cast<std::int32_t>(i), frame);
  }
  Column out;
  out.name = column.name;
  for (const std::int32_t code : column.codes)
    out.numbers.push_back(code < 0 ? not_there : numbers[static_cast<std::size_t>(code)]);
  return out;
}

/// Categories from the shortest texts that give the numbers back.
Column as_text(const Column& column) {
  if (column.categorical) return column;
  Column out;
  out.name = column.name;
  out.categorical = true;
  std::unordered_map<double, std::int32_t> codes;
  for (const double x : column.numbers) {
    if (std::isnan(x)) {
      out.codes.push_back(-1);
      continue;
    }
    const double number = x == 0 ? 0 : x;  // not -0
    const auto [known, added] =
        codes.emplace(number, static_cast<std::int32_t>(out.categories.size()));
    if (added) out.categories.push_back(fmt::format("{}", number));
    out.codes.push_back(known->second);
  }
  return out;
}

/// Several categories may become one, and one without a letter left is missing.
Column cleaned(const Column& column) {
  Column out;
  out.name = column.name;
  out.categorical = true;
  std::unordered_map<std::string, std::int32_t> known;
  std::vector<std::int32_t> codes;
  for (const std::string& category : column.categories) {
    std::string text = clean_text(category);
    if (text.empty()) {
      codes.push_back(-1);
      continue;
    }
    const auto [entry, added] =
        known.emplace(std::move(text), static_cast<std::int32_t>(out.categories.size()));
    if (added) out.categories.push_back(entry->first);
    codes.push_back(entry->second);
  }
  for (const std::int32_t code : column.codes)
    out.codes.push_back(code < 0 ? -1 : codes[static_cast<std::size_t>(code)]);
  return out;
}

}  // namespace

FittedStep fit_text(const PreprocessStep& step, Frame& frame) {
  FittedStep fitted;
  fitted.kind = step.kind;
  if (step.kind == "to_text" && step.columns.empty())
    fail_step(step.kind, "columns: name the columns of numbers that are to become text");
  // A column that is to be numbers, or text, may be it already: it depends on what the file holds.
  const bool named = !step.columns.empty();
  fitted.columns = columns_of(step, frame, step.kind != "clean_text" && named, true);
  fitted.invalid = step.kind == "to_number" && step.invalid;
  return fitted;
}

void apply_text(const FittedStep& step, Frame& frame) {
  for (const std::string& name : step.columns) {
    Column& column = require_column(frame, step.kind, name);
    if (step.kind == "to_number") {
      column = as_numbers(column, step.invalid, frame);
    } else if (step.kind == "to_text") {
      column = as_text(column);
    } else {
      require_text(step.kind, column, frame);
      column = cleaned(column);
    }
  }
}

}  // namespace convoy::steps
