#include "data/formats/columnar_reading.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <map>
#include <utility>

#include "convoy/core/error.hpp"
#include "core/tasks.hpp"
#include "data/formats/columnar_module.hpp"
#include "data/formats/csv_lexer.hpp"

namespace convoy {

GrowingColumn::GrowingColumn(std::string name, bool categorical) {
  column_.name = std::move(name);
  column_.categorical = categorical;
}

void GrowingColumn::add(columnar::Values& values, const MissingValues& missing,
                        const std::vector<std::int64_t>& bad) {
  if (column_.categorical) {
    for (const std::int64_t row : bad) values.codes[static_cast<std::size_t>(row)] = -1;
    return add_codes(values, missing);
  }
  for (const std::int64_t row : bad)
    values.numbers[static_cast<std::size_t>(row)] = std::numeric_limits<double>::quiet_NaN();
  column_.numbers.insert(column_.numbers.end(), values.numbers.begin(), values.numbers.end());
}

void GrowingColumn::add_codes(const columnar::Values& values, const MissingValues& missing) {
  constexpr std::int32_t unknown = -2;
  std::vector<std::int32_t> codes(values.categories.size(), unknown);
  for (const std::int32_t own : values.codes) {
    if (own < 0) {
      column_.codes.push_back(-1);
      continue;
    }
    std::int32_t& code = codes[static_cast<std::size_t>(own)];
    if (code == unknown) code = code_of(values.categories[static_cast<std::size_t>(own)], missing);
    column_.codes.push_back(code);
  }
}

void GrowingColumn::reserve(std::size_t rows) {
  if (column_.categorical)
    column_.codes.reserve(rows);
  else
    column_.numbers.reserve(rows);
}

Column GrowingColumn::take_values() {
  Column values;
  values.name = column_.name;
  values.categorical = column_.categorical;
  values.numbers = std::exchange(column_.numbers, {});
  values.codes = std::exchange(column_.codes, {});
  return values;
}

std::int32_t GrowingColumn::code_of(const std::string& text, const MissingValues& missing) {
  if (missing.contains(text)) return -1;
  const auto next = static_cast<std::int32_t>(column_.categories.size());
  const auto [at, fresh] = codes_.emplace(text, next);
  if (fresh) column_.categories.push_back(text);
  return at->second;
}

ColumnarReading::ColumnarReading(const ColumnarLayout& layout, const std::string& name,
                                 const CsvOptions& options, const CsvTolerance* tolerance,
                                 const FileDone& done)
    : layout_(layout), done_(done), missing_(options.missing), tolerant_(tolerance != nullptr) {
  const std::vector<ColumnBuilder> modes = start_builders(
      layout.names, name, options, nullptr, MissingSpellings(options.missing), RowPasses{});
  for (std::size_t i = 0; i < modes.size(); ++i) {
    if (modes[i].mode() == ColumnBuilder::Mode::skip) continue;
    const bool text = modes[i].mode() == ColumnBuilder::Mode::category || layout.text[i];
    wanted_.push_back(i);
    columns_.emplace_back(layout.names[i], text);
  }
  for (const ColumnarFile& file : layout.files) require_readable(file);
}

void ColumnarReading::reserve(const std::string& name) {
  constexpr std::size_t always = std::size_t{64} << 20;
  constexpr std::size_t most_growth = 64;
  std::size_t bytes = 0;
  std::int64_t rows = 0;
  for (const auto& [content, file, fields] : layout_.files) {
    bytes += content.bytes.size();
    for (int unit = 0; unit < file->units(); ++unit) {
      const std::int64_t own = std::max<std::int64_t>(0, file->rows_of(unit));
      require_room(own, name);
      require_room(rows += own, name);
    }
  }
  const std::size_t claimed = static_cast<std::size_t>(rows) * columns_.size() * sizeof(double);
  if (claimed > always + most_growth * bytes) return;
  for (GrowingColumn& column : columns_) column.reserve(static_cast<std::size_t>(rows));
}

void ColumnarReading::require_room(std::int64_t rows, const std::string& name) const {
  const auto width = static_cast<std::int64_t>(std::max<std::size_t>(1, columns_.size()));
  if (rows <= layout_.most_values / width) return;
  throw DataError(name,
                  fmt::format("has {} rows of {} columns, more than {} values; make records of it "
                              "(`convoy data prepare`), or leave columns out",
                              rows, width, layout_.most_values));
}

void ColumnarReading::run(std::size_t memory, const Added& added) {
  for (std::size_t i = 0; i < layout_.files.size(); ++i) {
    const ColumnarFile& source = layout_.files[i];
    std::vector<columnar::Wanted> wanted;
    for (std::size_t c = 0; c < wanted_.size(); ++c) {
      const int field = source.fields[wanted_[c]];
      const columnar::Kind kind = source.file->fields()[static_cast<std::size_t>(field)].kind;
      wanted.push_back({field, columns_[c].column().categorical && kind != columnar::Kind::text});
    }
    std::int64_t rows = 0;
    read_pieces({*source.file, source.content.name, wanted, missing_, tolerant_, memory},
                [&](std::span<Piece> pieces) {
                  for (Piece& piece : pieces) {
                    add(piece, source.content.name, rows, added);
                    rows += piece.rows;
                  }
                });
    if (done_) done_(i, rows);
  }
}

void ColumnarReading::require_readable(const ColumnarFile& file) const {
  for (const std::size_t column : wanted_) {
    const columnar::Field& field =
        file.file->fields()[static_cast<std::size_t>(file.fields[column])];
    if (field.kind != columnar::Kind::unreadable) continue;
    throw DataError(file.content.name,
                    fmt::format("column {} is {}, which is not read; leave it out with "
                                "data.csv.ignore",
                                in_quotes(field.name), one_line(field.type)));
  }
}

/// The rows of a piece that cannot be used, in order, and what is wrong with each.
std::vector<BadRow> ColumnarReading::flaws_of(const Piece& piece, const std::string& file,
                                              std::int64_t before) const {
  std::map<std::int64_t, std::string> problems;
  for (std::size_t c = 0; c < piece.columns.size(); ++c) {
    const std::string column = in_quotes(columns_[c].column().name);
    for (const Flaw& flaw : piece.columns[c].flaws)
      problems.try_emplace(flaw.row, fmt::format("column {}: {}", column, flaw.problem));
  }
  std::vector<BadRow> bad;
  for (const auto& [row, problem] : problems) {
    const std::string where = fmt::format("{}:{}", file, before + row + 1);
    if (!tolerant_) {
      const bool number = problem.ends_with("finite number");
      throw DataError(where, number ? problem +
                                          "; if it stands for a missing value, list it in "
                                          "data.csv.missing"
                                    : problem);
    }
    note_bad_row(bad, row, DataError(where, problem).what());
  }
  return bad;
}

void ColumnarReading::add(Piece& piece, const std::string& file, std::int64_t before,
                          const Added& added) {
  std::vector<BadRow> bad = flaws_of(piece, file, before);
  std::vector<std::int64_t> rows;
  for (const BadRow& row : bad) rows.push_back(row.row);
  run_tasks(columns_.size(), [&](std::size_t c) {
    columns_[c].add(piece.columns[c].values, missing_, rows);
    piece.columns[c] = {};
  });
  added(piece.rows, std::move(bad));
}

}  // namespace convoy
