// Declared in convoy/data/formats/formats.hpp.
// CSV to columns.
#include <fmt/format.h>

#include <algorithm>

#include "convoy/core/error.hpp"
#include "convoy/data/formats/format.hpp"
#include "data/formats/column_builder.hpp"
#include "data/formats/csv_lexer.hpp"
#include "data/formats/csv_rows.hpp"
#include "data/formats/table_files.hpp"

namespace convoy {
namespace {

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
std::string problem_of_record(const std::vector<std::string_view>& fields,
                              const MissingSpellings& missing,
                              const std::vector<ColumnBuilder>& columns, const std::string& name,
                              std::int64_t line) {
  for (std::size_t i = 0; i < fields.size(); ++i) {
    const std::string problem = columns[i].problem_of({fields[i]}, missing);
    if (!problem.empty()) return DataError(fmt::format("{}:{}", name, line), problem).what();
  }
  return "";
}

/// Reads all records after the header. Returns the number of rows. With `bad`, which takes the rows
/// that cannot be read, the types of the columns are settled.
std::int64_t read_rows(CsvLexer lexer, const std::string& name, const MissingSpellings& missing,
                       std::vector<ColumnBuilder>& columns, std::vector<BadRow>* bad,
                       const RowDone& done) {
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
      const std::string wrong = bad ? problem_of_record({""}, missing, columns, name, line) : "";
      if (!wrong.empty()) {
        note_bad_row(*bad, rows, wrong);
        columns[0].add_missing();
      } else {
        columns[0].add({""}, missing, name, line);
      }
      if (done) done();
    }
    blanks = 0;
    if (bad && problem.empty())
      problem = problem_of_record(fields, missing, columns, name, lexer.line());
    if (!problem.empty()) {
      note_bad_row(*bad, rows, problem);
      for (ColumnBuilder& column : columns) column.add_missing();
    } else {
      for (std::size_t i = 0; i < fields.size(); ++i)
        columns[i].add({fields[i]}, missing, name, lexer.line());
    }
    ++rows;
    if (done) done();
  }
  return rows;
}

/// Counts the values of each column in the records that can be read.
void count_kinds(CsvLexer lexer, const std::string& name, const MissingSpellings& missing,
                 std::vector<KindCounts>& counts) {
  std::vector<std::string_view> fields;
  std::string problem;
  std::int64_t blanks = 0;
  while (next_record(lexer, name, counts.size(), true, fields, problem)) {
    if (problem.empty() && lexer.blank()) {
      ++blanks;
      continue;
    }
    if (counts.size() == 1 && !missing.contains("")) counts[0].texts += blanks;
    blanks = 0;
    if (!problem.empty()) continue;
    for (std::size_t i = 0; i < fields.size(); ++i) counts[i].add({fields[i]}, missing);
  }
}

}  // namespace

CsvRows csv_rows(std::string_view text, const std::string& name, const CsvOptions& options,
                 bool tolerant) {
  CsvLexer lexer(text, name, csv_delimiter(options), tolerant);
  CsvRows rows;
  rows.names = read_csv_header(lexer, name, options, tolerant);
  rows.passes.count = [lexer, name](const MissingSpellings& missing,
                                    std::vector<KindCounts>& counts) {
    count_kinds(lexer, name, missing, counts);
  };
  rows.passes.read = [lexer, name](const MissingSpellings& missing,
                                   std::vector<ColumnBuilder>& columns, std::vector<BadRow>* bad,
                                   const RowDone& done) {
    return read_rows(lexer, name, missing, columns, bad, done);
  };
  return rows;
}

Table parse_csv(std::string_view text, const std::string& name, const CsvOptions& options,
                const CsvTolerance* tolerance) {
  const CsvRows rows = csv_rows(text, name, options, tolerance != nullptr);
  return build_table(rows.names, name, options, tolerance, rows.passes);
}

namespace {

/// CSV and TSV.
class CsvFiles final : public RowFiles {
 public:
  CsvFiles(const TableRequest& request, bool tabs)
      : RowFiles(request.name), files_(request.files), tolerant_(request.tolerant), tabs_(tabs) {}

  /// TSV has tabs unless another delimiter is given.
  CsvOptions options(CsvOptions options) const override {
    if (tabs_ && options.delimiter == CsvOptions().delimiter) options.delimiter = "tab";
    return options;
  }

  std::vector<std::string> names(const CsvOptions& options) const override {
    std::vector<std::string> names;
    for (const Content& file : files_) {
      std::vector<std::string> own = csv_column_names(file.text(), file.name, options, tolerant_);
      if (names.empty())
        names = std::move(own);
      else if (own != names)
        throw DataError(file.name, fmt::format("has the columns {} where {} has {}", name_list(own),
                                               files_[0].name, name_list(names)));
    }
    return names;
  }

  std::size_t width(const CsvOptions& options) const override {
    return csv_width(files_[0].text(), files_[0].name, options, tolerant_);
  }

 protected:
  std::vector<RowPasses> passes(const CsvOptions& options, bool tolerant,
                                const std::vector<std::string>&) const override {
    std::vector<RowPasses> parts;
    for (const Content& file : files_)
      parts.push_back(csv_rows(file.text(), file.name, options, tolerant).passes);
    return parts;
  }

 private:
  const std::vector<Content>& files_;
  const bool tolerant_;
  const bool tabs_;
};

FormatKind csv_kind(std::string name, std::string title, bool tabs) {
  FormatKind kind;
  kind.name = std::move(name);
  kind.doc = tabs ? "a table of text, with tabs between the fields"
                  : "a table of text, with commas between the fields, or what data.csv says";
  kind.title = std::move(title);
  kind.endings = {"." + kind.name};
  if (!tabs) kind.text_likeness = [](const Content&) { return Likeness::rest; };
  kind.files = [tabs](const TableRequest& request) {
    return std::make_unique<CsvFiles>(request, tabs);
  };
  return kind;
}

const schema::Registered csv_format(formats(), csv_kind("csv", "CSV", false));
const schema::Registered tsv_format(formats(), csv_kind("tsv", "TSV", true));

}  // namespace

}  // namespace convoy
