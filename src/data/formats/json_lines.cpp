#include "data/formats/json_lines.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <optional>
#include <unordered_map>

#include "convoy/core/error.hpp"
#include "data/formats/column_builder.hpp"
#include "data/formats/csv_lexer.hpp"
#include "data/formats/json_records.hpp"

namespace convoy {
namespace {

constexpr std::size_t most_keys = 1'000'000;
constexpr std::size_t most_values = std::size_t{2} << 30;  // 16 GiB of numbers

/// Which column a key is.
class KeyIndex {
 public:
  static constexpr std::size_t none = static_cast<std::size_t>(-1);

  /// `guess`: where it probably is, as most lines have the same keys in the same order.
  std::size_t find(const std::string& key, std::size_t guess) const {
    if (guess < names_.size() && names_[guess] == key) return guess;
    const auto known = columns_.find(key);
    return known == columns_.end() ? none : known->second;
  }
  void add(const std::string& key) {
    columns_.emplace(key, names_.size());
    names_.push_back(key);
  }
  const std::vector<std::string>& names() const { return names_; }

 private:
  std::vector<std::string> names_;
  std::unordered_map<std::string, std::size_t> columns_;
};

/// Reads the next line. False at the end of the text. A line that cannot be read throws DataError
/// or, where that is tolerated, is a `problem`.
bool next_json_record(JsonRecords& records, bool tolerant, std::string& problem) {
  problem.clear();
  try {
    return records.next();
  } catch (const DataError& error) {
    if (!tolerant) throw;
    problem = error.what();
    return true;
  }
}

/// The fields of a line by column; null where it has none.
void by_column(const JsonRecords& records, const KeyIndex& index,
               std::vector<const JsonField*>& row) {
  std::fill(row.begin(), row.end(), nullptr);
  std::size_t guess = 0;
  for (const JsonField& field : records.fields()) {
    const std::size_t column = index.find(field.key, guess);
    if (column == KeyIndex::none) continue;
    if (!field.missing) row[column] = &field;
    guess = column + 1;
  }
}

Field field_of(const JsonField& field) {
  return {field.text, field.is_text};
}

std::string problem_of_line(const std::vector<const JsonField*>& row,
                            const MissingSpellings& missing,
                            const std::vector<ColumnBuilder>& columns) {
  for (std::size_t i = 0; i < row.size(); ++i) {
    if (!row[i]) continue;
    std::string problem = columns[i].problem_of(field_of(*row[i]), missing);
    if (!problem.empty()) return problem;
  }
  return "";
}

std::int64_t read_lines(JsonRecords records, const std::string& name, const KeyIndex& index,
                        const MissingSpellings& missing, std::vector<ColumnBuilder>& columns,
                        std::vector<BadRow>* bad, const RowDone& done) {
  std::vector<const JsonField*> row(columns.size());
  std::string problem;
  std::int64_t rows = 0;
  for (; next_json_record(records, bad != nullptr, problem); ++rows) {
    by_column(records, index, row);
    if (bad && problem.empty()) {
      const std::string wrong = problem_of_line(row, missing, columns);
      if (!wrong.empty()) problem = DataError(records.place(), wrong).what();
    }
    if (!problem.empty()) {
      note_bad_row(*bad, rows, problem);
      std::fill(row.begin(), row.end(), nullptr);
    }
    for (std::size_t i = 0; i < row.size(); ++i) {
      if (row[i])
        columns[i].add(field_of(*row[i]), missing, name, records.line());
      else
        columns[i].add_missing();
    }
    if (done) done();
  }
  return rows;
}

void count_json_kinds(JsonRecords records, const KeyIndex& index, const MissingSpellings& missing,
                      std::vector<KindCounts>& counts) {
  std::vector<const JsonField*> row(counts.size());
  std::string problem;
  while (next_json_record(records, true, problem)) {
    by_column(records, index, row);
    for (std::size_t i = 0; i < row.size(); ++i) {
      if (row[i]) counts[i].add(field_of(*row[i]), missing);
    }
  }
}

}  // namespace

void require_memory(const JsonKeys& keys, const std::string& name) {
  const std::size_t columns = keys.names.size();
  if (columns == 0 || static_cast<std::size_t>(keys.rows) <= most_values / columns) return;
  throw DataError(name, fmt::format("{} different keys in {} lines make more than {} values; are "
                                    "the keys the names of columns?",
                                    columns, keys.rows, most_values));
}

bool is_json_lines(std::string_view text) {
  if (text.starts_with("\xef\xbb\xbf")) text.remove_prefix(3);
  constexpr const char* blanks = " \t\r\n";
  const std::size_t open = text.find_first_not_of(blanks);
  if (open == text.npos || text[open] != '{') return false;
  const std::size_t key = text.find_first_not_of(blanks, open + 1);
  return key != text.npos && (text[key] == '"' || text[key] == '}');
}

JsonKeys find_json_keys(std::string_view text, const std::string& name, bool tolerant,
                        JsonLayout layout) {
  JsonRecords records(text, name, layout);
  KeyIndex index;
  std::string problem;
  std::string first_problem;
  std::int64_t rows = 0;
  for (; next_json_record(records, tolerant, problem); ++rows) {
    if (first_problem.empty()) first_problem = problem;
    std::size_t guess = 0;
    for (const JsonField& field : records.fields()) {
      std::size_t column = index.find(field.key, guess);
      if (column == KeyIndex::none) {
        column = index.names().size();
        index.add(field.key);
      }
      guess = column + 1;
    }
    if (index.names().size() > most_keys) {
      throw DataError(
          records.place(),
          fmt::format("more than {} different keys; are they the names of columns?", most_keys));
    }
  }
  if (rows == 0) throw DataError(fmt::format("{}:1", name), "is empty");
  if (index.names().empty() && !first_problem.empty()) throw InputError(first_problem);
  if (index.names().empty()) throw DataError(name, "has no keys");
  JsonKeys keys{index.names(), rows};
  require_memory(keys, name);
  return keys;
}

RowPasses json_rows(std::string_view text, const std::string& name,
                    const std::vector<std::string>& columns, JsonLayout layout) {
  const auto index = std::make_shared<KeyIndex>();
  for (const std::string& key : columns) index->add(key);
  RowPasses passes;
  passes.count = [=](const MissingSpellings& missing, std::vector<KindCounts>& counts) {
    count_json_kinds(JsonRecords(text, name, layout), *index, missing, counts);
  };
  passes.read = [=](const MissingSpellings& missing, std::vector<ColumnBuilder>& builders,
                    std::vector<BadRow>* bad, const RowDone& done) {
    return read_lines(JsonRecords(text, name, layout), name, *index, missing, builders, bad, done);
  };
  return passes;
}

Table parse_json_lines(std::string_view text, const std::string& name, const CsvOptions& options,
                       const CsvTolerance* tolerance, const JsonKeys& keys, JsonLayout layout) {
  require_memory(keys, name);
  return build_table(keys.names, name, options, tolerance,
                     json_rows(text, name, keys.names, layout));
}

Table parse_json_lines(std::string_view text, const std::string& name, const CsvOptions& options,
                       const CsvTolerance* tolerance) {
  return parse_json_lines(text, name, options, tolerance,
                          find_json_keys(text, name, tolerance != nullptr));
}

Table parse_json_list(std::string_view text, const std::string& name, const CsvOptions& options,
                      const CsvTolerance* tolerance) {
  return parse_json_lines(text, name, options, tolerance,
                          find_json_keys(text, name, tolerance != nullptr, JsonLayout::list),
                          JsonLayout::list);
}

}  // namespace convoy
