#include "data/formats/column_builder.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdlib>
#include <limits>
#include <unordered_set>
#include <utility>

#include "convoy/core/error.hpp"
#include "data/formats/csv_lexer.hpp"

namespace convoy {
namespace {

bool lists(const std::vector<std::string>& list, const std::string& column) {
  return std::find(list.begin(), list.end(), column) != list.end();
}

ParsedField parse_field(const Field& field) {
  return field.is_text ? ParsedField{} : parse_number(field.text);
}

/// Whether a column is one of numbers, though some of its fields may be damaged.
bool is_numeric(const KindCounts& counts, const std::string& name, const CsvTolerance& tolerance) {
  const auto [numbers, texts] = counts;
  const bool few =
      texts < numbers && static_cast<double>(texts) <=
                             tolerance.text_among_numbers * static_cast<double>(numbers + texts);
  return texts == 0 || few || lists(tolerance.numbers, name);
}

std::vector<ColumnBuilder> make_builders(const std::vector<std::string>& names,
                                         const std::string& file, const CsvOptions& options) {
  const std::unordered_set<std::string> known(names.begin(), names.end());
  const auto require = [&](const std::vector<std::string>& wanted, const char* key) {
    for (const std::string& column : wanted) {
      if (!known.contains(column)) {
        throw InputError(fmt::format("data.csv.{}: {} has no column {}; it has {}", key, file,
                                     in_quotes(column), name_list(names)));
      }
    }
  };
  require(options.ignore, "ignore");
  require(options.categorical, "categorical");
  const std::unordered_set<std::string> ignored(options.ignore.begin(), options.ignore.end());
  const std::unordered_set<std::string> categorical(options.categorical.begin(),
                                                    options.categorical.end());
  std::vector<ColumnBuilder> builders;
  builders.reserve(names.size());
  for (const std::string& column : names) {
    const auto mode = ignored.contains(column)       ? ColumnBuilder::Mode::skip
                      : categorical.contains(column) ? ColumnBuilder::Mode::category
                                                     : ColumnBuilder::Mode::number;
    builders.emplace_back(column, mode);
  }
  return builders;
}

}  // namespace

ParsedField parse_number(std::string_view text) {
  if (text.starts_with('+') && text.size() > 1 && text[1] != '-') text.remove_prefix(1);
  ParsedField field;
  const char* end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, field.value);
  if (stop != end || text.empty() || error == std::errc::invalid_argument) return {};
  if (error == std::errc::result_out_of_range)
    field.value = std::strtod(std::string(text).c_str(), nullptr);
  field.kind = std::isfinite(field.value) ? FieldKind::number : FieldKind::nonfinite;
  return field;
}

MissingSpellings::MissingSpellings(const std::vector<std::string>& spellings)
    : spellings_(spellings) {
  for (const std::string& spelling : spellings) {
    numeric_ = numeric_ || parse_number(spelling).kind == FieldKind::number;
  }
}

bool MissingSpellings::contains(std::string_view text) const {
  return std::find(spellings_.begin(), spellings_.end(), text) != spellings_.end();
}

ColumnBuilder::ColumnBuilder(std::string name, Mode mode) : mode_(mode) {
  column_.name = std::move(name);
  column_.categorical = mode == Mode::category;
}

void ColumnBuilder::make_category() {
  if (mode_ != Mode::number) return;
  mode_ = Mode::category;
  column_.categorical = true;
}

void ColumnBuilder::rewind() {
  mode_ = mode_ == Mode::again ? Mode::category : Mode::skip;
  if (mode_ == Mode::category) column_.codes.clear();
}

std::string ColumnBuilder::problem_of(const Field& field, const MissingSpellings& missing) const {
  const char* problem = nullptr;
  if (mode_ == Mode::number) {
    const FieldKind kind = parse_field(field).kind;
    if (kind == FieldKind::number || missing.contains(field.text)) return "";
    problem = kind == FieldKind::text ? "is not a number" : "is not a finite number";
  } else if (mode_ == Mode::category) {
    if (field.text.find('\0') != field.text.npos)
      problem = "holds a NUL byte";
    else if (!is_utf8(field.text))
      problem = "is not UTF-8";
  }
  if (!problem) return "";
  // What is not UTF-8 must not get into messages either.
  return fmt::format("column {}: {} {}", in_quotes(column_.name),
                     is_utf8(field.text) ? in_quotes(field.text) : "the text", problem);
}

void ColumnBuilder::add_missing() {
  if (mode_ == Mode::number)
    column_.numbers.push_back(std::numeric_limits<double>::quiet_NaN());
  else if (mode_ == Mode::category)
    column_.codes.push_back(-1);
}

void ColumnBuilder::add(const Field& field, const MissingSpellings& missing,
                        const std::string& file, std::int64_t line) {
  if (mode_ == Mode::number)
    add_number(field, missing, file, line);
  else if (mode_ == Mode::category)
    add_category(field.text, missing, file, line);
}

Column ColumnBuilder::take_values() {
  Column values;
  values.name = column_.name;
  values.categorical = column_.categorical;
  values.numbers = std::exchange(column_.numbers, {});
  values.codes = std::exchange(column_.codes, {});
  return values;
}

Column ColumnBuilder::finish() {
  if (!column_.categorical && !nonfinite_at_.empty()) {
    throw DataError(
        nonfinite_at_,
        fmt::format(
            "column {}: {} is not a finite number; if it stands for a missing value, list it in "
            "data.csv.missing",
            in_quotes(column_.name), in_quotes(nonfinite_)));
  }
  return std::move(column_);
}

void ColumnBuilder::add_number(const Field& field, const MissingSpellings& missing,
                               const std::string& file, std::int64_t line) {
  const ParsedField parsed = parse_field(field);
  if (parsed.kind == FieldKind::number && !(missing.numeric() && missing.contains(field.text))) {
    column_.numbers.push_back(parsed.value);
    seen_ = true;
  } else if (missing.contains(field.text)) {
    column_.numbers.push_back(std::numeric_limits<double>::quiet_NaN());
  } else if (parsed.kind == FieldKind::nonfinite) {
    if (nonfinite_at_.empty()) {
      nonfinite_at_ = fmt::format("{}:{}", file, line);
      nonfinite_ = field.text;
    }
    column_.numbers.push_back(parsed.value);
    seen_ = true;
  } else {
    column_.categorical = true;
    mode_ = seen_ ? Mode::again : Mode::category;
    column_.codes.assign(column_.numbers.size(), -1);
    column_.numbers = {};
    add(field, missing, file, line);
  }
}

void ColumnBuilder::add_category(std::string_view text, const MissingSpellings& missing,
                                 const std::string& file, std::int64_t line) {
  if (missing.contains(text)) {
    column_.codes.push_back(-1);
    return;
  }
  auto known = codes_.find(text);
  if (known == codes_.end()) {
    if (!is_utf8(text)) {
      throw DataError(fmt::format("{}:{}", file, line),
                      fmt::format("column {}: text is not UTF-8; convert the file "
                                  "(iconv -f LATIN1 -t UTF-8)",
                                  in_quotes(column_.name)));
    }
    known = codes_.emplace(std::string(text), static_cast<std::int32_t>(column_.categories.size()))
                .first;
    column_.categories.emplace_back(text);
  }
  column_.codes.push_back(known->second);
}

void KindCounts::add(const Field& field, const MissingSpellings& missing) {
  if (missing.contains(field.text)) return;
  ++(parse_field(field).kind == FieldKind::text ? texts : numbers);
}

void note_bad_row(std::vector<BadRow>& bad, std::int64_t row, const std::string& problem) {
  constexpr std::size_t most = 1'000'000;
  if (bad.size() == most) {
    throw DataError(bad[0].problem, fmt::format("the first of more than {} rows that cannot be "
                                                "read; is this the right file?",
                                                most));
  }
  bad.push_back({row, problem});
}

std::vector<ColumnBuilder> start_builders(const std::vector<std::string>& names,
                                          const std::string& file, const CsvOptions& options,
                                          const CsvTolerance* tolerance,
                                          const MissingSpellings& missing,
                                          const RowPasses& passes) {
  std::vector<ColumnBuilder> builders = make_builders(names, file, options);
  if (!tolerance) return builders;
  std::vector<KindCounts> counts(names.size());
  passes.count(missing, counts);
  for (std::size_t i = 0; i < builders.size(); ++i) {
    if (!is_numeric(counts[i], names[i], *tolerance)) builders[i].make_category();
  }
  return builders;
}

Table build_table(const std::vector<std::string>& names, const std::string& file,
                  const CsvOptions& options, const CsvTolerance* tolerance,
                  const RowPasses& passes) {
  const MissingSpellings missing(options.missing);
  std::vector<ColumnBuilder> builders =
      start_builders(names, file, options, tolerance, missing, passes);
  Table table;
  table.rows = passes.read(missing, builders, tolerance ? &table.bad : nullptr, {});
  const auto again = [](const ColumnBuilder& builder) {
    return builder.mode() == ColumnBuilder::Mode::again;
  };
  if (std::any_of(builders.begin(), builders.end(), again)) {
    for (ColumnBuilder& builder : builders) builder.rewind();
    passes.read(missing, builders, nullptr, {});
  }
  for (std::size_t i = 0; i < builders.size(); ++i) {
    if (!lists(options.ignore, names[i])) table.columns.push_back(builders[i].finish());
  }
  return table;
}

}  // namespace convoy
