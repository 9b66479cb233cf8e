#include "data/formats/table_files.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <unordered_set>

#include "convoy/core/error.hpp"
#include "data/formats/csv_lexer.hpp"

namespace convoy {
namespace {

/// A value of a piece as fields have it, spelled so that it is read back as it is.
class PieceField {
 public:
  PieceField(const Column& column, std::size_t row) {
    if (column.categorical) {
      const std::int32_t code = column.codes[row];
      missing_ = code < 0;
      if (!missing_) field_ = {column.categories[static_cast<std::size_t>(code)], true};
      return;
    }
    missing_ = std::isnan(column.numbers[row]);
    if (missing_) return;
    const auto end = fmt::format_to_n(spelling_, sizeof spelling_, "{}", column.numbers[row]);
    field_ = {{spelling_, std::min(end.size, sizeof spelling_)}, false};
  }
  PieceField(const PieceField&) = delete;
  PieceField& operator=(const PieceField&) = delete;

  bool missing() const { return missing_; }
  const Field& field() const { return field_; }

 private:
  char spelling_[64];
  Field field_;
  bool missing_ = false;
};

void check_piece(const Table& piece, const std::vector<std::string>& names,
                 const std::string& file) {
  const auto rows = static_cast<std::size_t>(piece.rows);
  const auto fits = [&](const Column& column) {
    if (!column.categorical) return column.numbers.size() == rows;
    const auto known = static_cast<std::int32_t>(column.categories.size());
    return column.codes.size() == rows &&
           std::ranges::all_of(column.codes, [&](std::int32_t code) { return code < known; });
  };
  if (piece.columns.size() != names.size() || !std::ranges::all_of(piece.columns, fits))
    throw DataError(file, "its reader gives a piece whose columns do not fit; the reader is wrong");
}

/// What a reader of somebody's own gives, for the builder of columns.
class PieceRows {
 public:
  PieceRows(const TableReader& reader, std::string file, std::vector<std::string> names)
      : reader_(reader), file_(std::move(file)), names_(std::move(names)) {}

  void count(const MissingSpellings& missing, std::vector<KindCounts>& counts) const {
    each_row([&](const Table& piece, std::size_t row, const std::string& problem) {
      if (!problem.empty()) return;
      for (std::size_t i = 0; i < counts.size(); ++i) {
        const PieceField value(piece.columns[i], row);
        if (!value.missing()) counts[i].add(value.field(), missing);
      }
    });
  }

  std::int64_t read(const MissingSpellings& missing, std::vector<ColumnBuilder>& columns,
                    std::vector<BadRow>* bad, const RowDone& done) const {
    std::int64_t rows = 0;
    each_row([&](const Table& piece, std::size_t row, std::string problem) {
      if (!problem.empty() && !bad) throw InputError(problem);
      if (bad && problem.empty()) problem = problem_of(piece, row, columns, missing, rows);
      if (!problem.empty()) note_bad_row(*bad, rows, problem);
      ++rows;
      for (std::size_t i = 0; i < columns.size(); ++i) {
        const PieceField value(piece.columns[i], row);
        if (value.missing() || !problem.empty())
          columns[i].add_missing();
        else
          columns[i].add(value.field(), missing, file_, rows);
      }
      if (done) done();
    });
    return rows;
  }

 private:
  template <typename Use>
  void each_row(const Use& use) const {
    reader_.read([&](const Table& piece) {
      check_piece(piece, names_, file_);
      auto bad = piece.bad.begin();
      for (std::int64_t row = 0; row < piece.rows; ++row) {
        const bool is_bad = bad != piece.bad.end() && bad->row == row;
        use(piece, static_cast<std::size_t>(row), is_bad ? (bad++)->problem : std::string());
      }
    });
  }

  std::string problem_of(const Table& piece, std::size_t row,
                         const std::vector<ColumnBuilder>& columns, const MissingSpellings& missing,
                         std::int64_t number) const {
    for (std::size_t i = 0; i < columns.size(); ++i) {
      const PieceField value(piece.columns[i], row);
      if (value.missing()) continue;
      const std::string problem = columns[i].problem_of(value.field(), missing);
      if (!problem.empty())
        return DataError(fmt::format("{}:{}", file_, number + 1), problem).what();
    }
    return "";
  }

  const TableReader& reader_;
  const std::string file_;
  const std::vector<std::string> names_;
};

/// Files of a format whose registration has a TableReader.
class PieceFiles final : public RowFiles {
 public:
  PieceFiles(const FormatKind& format, const TableRequest& request)
      : RowFiles(request.name), files_(request.files) {
    for (const Content& file : request.files) {
      readers_.push_back(format.table(file));
      std::vector<std::string> own = readers_.back()->names();
      check_names(own, file.name);
      if (names_.empty()) names_ = own;
      if (own != names_) {
        throw DataError(file.name, fmt::format("has the columns {} where {} has {}", name_list(own),
                                               request.files[0].name, name_list(names_)));
      }
    }
  }

  std::vector<std::string> names(const CsvOptions&) const override { return names_; }

 protected:
  std::vector<RowPasses> passes(const CsvOptions&, bool,
                                const std::vector<std::string>& columns) const override {
    std::vector<RowPasses> parts;
    for (std::size_t i = 0; i < readers_.size(); ++i) {
      const auto rows = std::make_shared<PieceRows>(*readers_[i], files_[i].name, columns);
      RowPasses& part = parts.emplace_back();
      part.count = [rows](const MissingSpellings& missing, std::vector<KindCounts>& counts) {
        rows->count(missing, counts);
      };
      part.read = [rows](const MissingSpellings& missing, std::vector<ColumnBuilder>& builders,
                         std::vector<BadRow>* bad,
                         const RowDone& done) { return rows->read(missing, builders, bad, done); };
    }
    return parts;
  }

 private:
  static void check_names(const std::vector<std::string>& names, const std::string& file) {
    if (names.empty()) throw DataError(file, "has no columns");
    std::unordered_set<std::string> seen;
    for (const std::string& name : names) {
      if (name.empty() || !is_utf8(name))
        throw DataError(file, "has a column whose name is empty or no text");
      if (!seen.insert(name).second)
        throw DataError(file, fmt::format("has two columns {}", in_quotes(name)));
    }
  }

  const std::vector<Content>& files_;
  std::vector<std::unique_ptr<TableReader>> readers_;
  std::vector<std::string> names_;
};

}  // namespace

CsvOptions TableFiles::options(CsvOptions options) const {
  options.header = "true";
  options.columns.clear();
  return options;
}

Table RowFiles::read(const CsvOptions& options, const CsvTolerance* tolerance,
                     const FileDone& done) const {
  const std::vector<std::string> columns = names(options);
  const std::vector<RowPasses> parts = passes(options, tolerance != nullptr, columns);
  return build_table(columns, name_, options, tolerance, join_rows(parts, done));
}

void RowFiles::stream(const CsvOptions& options, const CsvTolerance* tolerance,
                      const FileDone& done,
                      const std::function<void(const TableStream&)>& use) const {
  const std::vector<std::string> columns = names(options);
  const std::vector<RowPasses> parts = passes(options, tolerance != nullptr, columns);
  const RowPasses joined = join_rows(parts, done);
  use(RowStream(columns, name_, options, tolerance, joined));
}

std::unique_ptr<TableFiles> open_table(const FormatKind& format, const TableRequest& request) {
  if (format.files) return format.files(request);
  return std::make_unique<PieceFiles>(format, request);
}

RowPasses join_rows(const std::vector<RowPasses>& parts, const FileDone& file_done) {
  RowPasses joined;
  joined.count = [&parts](const MissingSpellings& missing, std::vector<KindCounts>& counts) {
    for (const RowPasses& part : parts) part.count(missing, counts);
  };
  joined.read = [&](const MissingSpellings& missing, std::vector<ColumnBuilder>& columns,
                    std::vector<BadRow>* bad, const RowDone& done) {
    std::int64_t rows = 0;
    for (std::size_t i = 0; i < parts.size(); ++i) {
      const std::size_t first_bad = bad ? bad->size() : 0;
      const std::int64_t own_rows = parts[i].read(missing, columns, bad, done);
      for (std::size_t b = first_bad; bad && b < bad->size(); ++b) (*bad)[b].row += rows;
      if (file_done) file_done(i, own_rows);
      rows += own_rows;
    }
    return rows;
  };
  return joined;
}

}  // namespace convoy
