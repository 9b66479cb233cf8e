// CSV to columns. One pass decides each column's type and stores it; a second pass is needed only
// where numbers came first and text later ("1", "2", "x"), because the numbers' own spelling is
// then what counts.
#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdlib>
#include <limits>
#include <unordered_map>

#include "convoy/core/error.hpp"
#include "convoy/data/formats.hpp"
#include "data/csv_lexer.hpp"

namespace convoy {
namespace {

enum class Kind { number, nonfinite, text };

struct Cell {
  Kind kind = Kind::text;
  double value = 0;
};

Cell parse_number(std::string_view field) {
  if (field.starts_with('+') && field.size() > 1 && field[1] != '-') field.remove_prefix(1);
  Cell cell;
  const char* end = field.data() + field.size();
  const auto [stop, error] = std::from_chars(field.data(), end, cell.value);
  if (stop != end || field.empty() || error == std::errc::invalid_argument) return {};
  if (error == std::errc::result_out_of_range)
    cell.value = std::strtod(std::string(field).c_str(), nullptr);
  cell.kind = std::isfinite(cell.value) ? Kind::number : Kind::nonfinite;
  return cell;
}

/// The spellings of a missing value.
class Missing {
 public:
  explicit Missing(const std::vector<std::string>& spellings) : spellings_(spellings) {
    for (const std::string& spelling : spellings) {
      numeric_ = numeric_ || parse_number(spelling).kind == Kind::number;
    }
  }
  /// Whether a number can stand for a missing value (-999), so that numbers must be looked up too.
  bool numeric() const { return numeric_; }
  bool contains(std::string_view field) const {
    return std::find(spellings_.begin(), spellings_.end(), field) != spellings_.end();
  }

 private:
  const std::vector<std::string>& spellings_;
  bool numeric_ = false;
};

struct StringHash {
  using is_transparent = void;
  std::size_t operator()(std::string_view text) const {
    return std::hash<std::string_view>{}(text);
  }
};

/// Collects one column. `again` means: numbers seen before turned out to be categories, read the
/// column once more.
class ColumnBuilder {
 public:
  enum class Mode { skip, number, category, again };

  ColumnBuilder(std::string name, Mode mode) : mode_(mode) {
    column_.name = std::move(name);
    column_.categorical = mode == Mode::category;
  }

  Mode mode() const { return mode_; }

  /// Before anything is read: the column is known to hold text.
  void make_category() {
    if (mode_ != Mode::number) return;
    mode_ = Mode::category;
    column_.categorical = true;
  }

  /// For the second pass: only columns marked `again` are read, now as categories.
  void rewind() {
    mode_ = mode_ == Mode::again ? Mode::category : Mode::skip;
    if (mode_ == Mode::category) column_.codes.clear();
  }

  /// What is wrong with a field of a column whose type is settled; empty: nothing.
  std::string problem_of(std::string_view field, const Missing& missing) const {
    const char* problem = nullptr;
    if (mode_ == Mode::number) {
      const Kind kind = parse_number(field).kind;
      if (kind == Kind::number || missing.contains(field)) return "";
      problem = kind == Kind::text ? "is not a number" : "is not a finite number";
    } else if (mode_ == Mode::category) {
      if (field.find('\0') != field.npos)
        problem = "holds a NUL byte";
      else if (!is_utf8(field))
        problem = "is not UTF-8";
    }
    if (!problem) return "";
    // What is not UTF-8 must not get into messages either.
    const bool shown = is_utf8(field);
    return fmt::format("column {}: {} {}", in_quotes(column_.name),
                       shown ? in_quotes(field) : "the text", problem);
  }

  void add_missing() {
    if (mode_ == Mode::number)
      column_.numbers.push_back(std::numeric_limits<double>::quiet_NaN());
    else if (mode_ == Mode::category)
      column_.codes.push_back(-1);
  }

  void add(std::string_view field, const Missing& missing, const std::string& file,
           std::int64_t line) {
    if (mode_ == Mode::number)
      add_number(field, missing, file, line);
    else if (mode_ == Mode::category)
      add_category(field, missing, file, line);
  }

  Column finish(const std::string& file) {
    if (!column_.categorical && nonfinite_line_ > 0) {
      throw DataError(
          fmt::format("{}:{}", file, nonfinite_line_),
          fmt::format(
              "column {}: {} is not a finite number; if it stands for a missing value, list it in "
              "data.csv.missing",
              in_quotes(column_.name), in_quotes(nonfinite_)));
    }
    return std::move(column_);
  }

 private:
  void add_number(std::string_view field, const Missing& missing, const std::string& file,
                  std::int64_t line) {
    const Cell cell = parse_number(field);
    if (cell.kind == Kind::number && !(missing.numeric() && missing.contains(field))) {
      column_.numbers.push_back(cell.value);
      seen_ = true;
    } else if (missing.contains(field)) {
      column_.numbers.push_back(std::numeric_limits<double>::quiet_NaN());
    } else if (cell.kind == Kind::nonfinite) {
      if (nonfinite_line_ == 0) {
        nonfinite_line_ = line;
        nonfinite_ = field;
      }
      column_.numbers.push_back(cell.value);
      seen_ = true;
    } else {
      column_.categorical = true;
      mode_ = seen_ ? Mode::again : Mode::category;
      column_.codes.assign(column_.numbers.size(), -1);
      column_.numbers = {};
      add(field, missing, file, line);
    }
  }

  void add_category(std::string_view field, const Missing& missing, const std::string& file,
                    std::int64_t line) {
    if (missing.contains(field)) {
      column_.codes.push_back(-1);
      return;
    }
    auto known = codes_.find(field);
    if (known == codes_.end()) {
      if (!is_utf8(field)) {
        throw DataError(fmt::format("{}:{}", file, line),
                        fmt::format("column {}: text is not UTF-8; convert the file "
                                    "(iconv -f LATIN1 -t UTF-8)",
                                    in_quotes(column_.name)));
      }
      known =
          codes_.emplace(std::string(field), static_cast<std::int32_t>(column_.categories.size()))
              .first;
      column_.categories.emplace_back(field);
    }
    column_.codes.push_back(known->second);
  }

  Column column_;
  Mode mode_;
  bool seen_ = false;  // a number was stored
  std::int64_t nonfinite_line_ = 0;
  std::string nonfinite_;
  std::unordered_map<std::string, std::int32_t, StringHash, std::equal_to<>> codes_;
};

void note_bad_row(std::vector<BadRow>& bad, std::int64_t row, const std::string& problem) {
  constexpr std::size_t most = 1'000'000;
  if (bad.size() == most) {
    throw DataError(bad[0].problem, fmt::format("the first of more than {} rows that cannot be "
                                                "read; is this the right file?",
                                                most));
  }
  bad.push_back({row, problem});
}

bool contains(const std::vector<std::string>& list, const std::string& column) {
  return std::find(list.begin(), list.end(), column) != list.end();
}

/// Reads the next record. False at the end of the text. A record that is none, or has another
/// number of fields, throws DataError or, where that is tolerated, is a `problem`.
bool next_record(CsvLexer& lexer, const std::string& name, std::size_t width, bool tolerant,
                 std::vector<std::string_view>& fields, std::string& problem) {
  problem.clear();
  try {
    if (!lexer.next(fields)) return false;
  } catch (const DataError& error) {
    if (!tolerant) throw;
    problem = error.what();
    lexer.skip_line();
    return true;
  }
  if (lexer.blank() || fields.size() == width) return true;
  const DataError error(
      fmt::format("{}:{}", name, lexer.line()),
      fmt::format("{} field{} where {} {} expected", fields.size(), fields.size() == 1 ? "" : "s",
                  width, width == 1 ? "is" : "are"));
  if (!tolerant) throw error;
  problem = error.what();
  return true;
}

/// The first thing wrong with the fields of a record.
std::string problem_of(const std::vector<std::string_view>& fields, const Missing& missing,
                       const std::vector<ColumnBuilder>& columns, const std::string& name,
                       std::int64_t line) {
  for (std::size_t i = 0; i < fields.size(); ++i) {
    const std::string problem = columns[i].problem_of(fields[i], missing);
    if (!problem.empty()) return DataError(fmt::format("{}:{}", name, line), problem).what();
  }
  return "";
}

/// Reads all records after the header. Returns the number of rows. With `bad`, which takes the rows
/// that cannot be read, the types of the columns are settled.
std::int64_t read_rows(CsvLexer lexer, const std::string& name, const Missing& missing,
                       std::vector<ColumnBuilder>& columns, std::vector<BadRow>* bad) {
  std::vector<std::string_view> fields;
  std::string problem;
  std::int64_t rows = 0;
  std::int64_t blanks =
      0;  // in a table of one column, a blank line is a missing value unless nothing follows
  while (next_record(lexer, name, columns.size(), bad != nullptr, fields, problem)) {
    if (problem.empty() && lexer.blank()) {
      ++blanks;
      continue;
    }
    for (std::int64_t i = 0; columns.size() == 1 && i < blanks; ++i, ++rows) {
      const std::int64_t line = lexer.line() - blanks + i;
      const std::string wrong = bad ? problem_of({""}, missing, columns, name, line) : "";
      if (!wrong.empty()) {
        note_bad_row(*bad, rows, wrong);
        columns[0].add_missing();
      } else {
        columns[0].add("", missing, name, line);
      }
    }
    blanks = 0;
    if (bad && problem.empty()) problem = problem_of(fields, missing, columns, name, lexer.line());
    if (!problem.empty()) {
      note_bad_row(*bad, rows, problem);
      for (ColumnBuilder& column : columns) column.add_missing();
    } else {
      for (std::size_t i = 0; i < fields.size(); ++i)
        columns[i].add(fields[i], missing, name, lexer.line());
    }
    ++rows;
  }
  return rows;
}

/// Which columns are of numbers, where some fields may be damaged.
std::vector<bool> find_numeric(CsvLexer lexer, const std::string& name, const Missing& missing,
                               const std::vector<std::string>& names,
                               const CsvTolerance& tolerance) {
  struct Count {
    std::int64_t numbers = 0;
    std::int64_t texts = 0;
  };
  std::vector<Count> counts(names.size());
  std::vector<std::string_view> fields;
  std::string problem;
  std::int64_t blanks = 0;
  while (next_record(lexer, name, names.size(), true, fields, problem)) {
    if (problem.empty() && lexer.blank()) {
      ++blanks;
      continue;
    }
    if (names.size() == 1 && !missing.contains("")) counts[0].texts += blanks;
    blanks = 0;
    if (!problem.empty()) continue;
    for (std::size_t i = 0; i < fields.size(); ++i) {
      if (missing.contains(fields[i])) continue;
      ++(parse_number(fields[i]).kind == Kind::text ? counts[i].texts : counts[i].numbers);
    }
  }
  std::vector<bool> numeric;
  for (std::size_t i = 0; i < names.size(); ++i) {
    const auto [numbers, texts] = counts[i];
    const bool few =
        texts < numbers && static_cast<double>(texts) <=
                               tolerance.text_among_numbers * static_cast<double>(numbers + texts);
    numeric.push_back(texts == 0 || few || contains(tolerance.numbers, names[i]));
  }
  return numeric;
}

std::vector<ColumnBuilder> make_builders(const std::vector<std::string>& names,
                                         const std::string& file, const CsvOptions& options) {
  const auto require = [&](const std::vector<std::string>& wanted, const char* key) {
    for (const std::string& column : wanted) {
      if (!contains(names, column)) {
        throw InputError(fmt::format("data.csv.{}: {} has no column {}; it has {}", key, file,
                                     in_quotes(column), name_list(names)));
      }
    }
  };
  require(options.ignore, "ignore");
  require(options.categorical, "categorical");
  std::vector<ColumnBuilder> builders;
  builders.reserve(names.size());
  for (const std::string& column : names) {
    const auto mode = contains(options.ignore, column)        ? ColumnBuilder::Mode::skip
                      : contains(options.categorical, column) ? ColumnBuilder::Mode::category
                                                              : ColumnBuilder::Mode::number;
    builders.emplace_back(column, mode);
  }
  return builders;
}

}  // namespace

Table parse_csv(std::string_view text, const std::string& name, const CsvOptions& options,
                const CsvTolerance* tolerance) {
  const bool tolerant = tolerance != nullptr;
  CsvLexer lexer(text, name, csv_delimiter(options), tolerant);
  const std::vector<std::string> names = read_csv_header(lexer, name, options, tolerant);
  std::vector<ColumnBuilder> builders = make_builders(names, name, options);
  std::vector<bool> ignored;
  for (const ColumnBuilder& builder : builders)
    ignored.push_back(builder.mode() == ColumnBuilder::Mode::skip);
  const Missing missing(options.missing);
  if (tolerant) {
    const std::vector<bool> numeric = find_numeric(lexer, name, missing, names, *tolerance);
    for (std::size_t i = 0; i < builders.size(); ++i) {
      if (!numeric[i]) builders[i].make_category();
    }
  }

  Table table;
  table.rows = read_rows(lexer, name, missing, builders, tolerant ? &table.bad : nullptr);
  const auto again = [](const ColumnBuilder& builder) {
    return builder.mode() == ColumnBuilder::Mode::again;
  };
  if (std::any_of(builders.begin(), builders.end(), again)) {
    for (ColumnBuilder& builder : builders) builder.rewind();
    read_rows(lexer, name, missing, builders, nullptr);
  }
  for (std::size_t i = 0; i < builders.size(); ++i) {
    if (!ignored[i]) table.columns.push_back(builders[i].finish(name));
  }
  return table;
}

}  // namespace convoy
