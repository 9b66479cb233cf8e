#pragma once
// A table: a file of CSV, TSV, JSON Lines, Parquet or Arrow, several that are read as one, or the
// rows of a query.
#include <optional>

#include "convoy/data/formats/formats.hpp"
#include "data/formats/columnar.hpp"
#include "data/formats/json_lines.hpp"
#include "data/formats/table_stream.hpp"
#include "data/sources/query_rows.hpp"
#include "data/splits/joined.hpp"

namespace convoy {

class TableFile {
 public:
  /// `input` must outlive this. `tolerant`: rows may be bad. Columns that are `expected` are
  /// there whether or not JSON Lines have their keys, as a key that no line of a small file has is
  /// a missing value in all of them; unless the file has none of the expected columns.
  TableFile(const Input& input, bool tolerant, const std::vector<Column>& expected = {});

  /// `rows` must outlive this.
  explicit TableFile(QueryRows& rows);

  const std::string& name() const { return rows_ ? rows_->name() : input_->name; }

  /// The job's options as they hold for this file: TSV has tabs unless another delimiter is given,
  /// and JSON Lines, Parquet, Arrow and queries name their columns whatever the options say. In the
  /// lists of columns a list column of Parquet and Arrow stands for its elements.
  CsvOptions options(CsvOptions options) const;

  /// All columns, ignored ones included. Throws DataError when one of several files of CSV has
  /// others than the first.
  std::vector<std::string> names(const CsvOptions& options) const;

  /// Whether columns that are ignored cost nothing.
  bool reads_by_column() const { return columnar_.has_value(); }

  /// How many columns there are.
  std::size_t width(const CsvOptions& options) const;

  /// Of the files' bytes; empty for a query.
  std::string checksum() const;

  /// Fills in which of the files each row comes from.
  Table read(const CsvOptions& options, const CsvTolerance* tolerance, Origin& origin) const;

  /// The same in pieces; `use` is given the table after its first reading.
  void stream(const CsvOptions& options, const CsvTolerance* tolerance, Origin& origin,
              const std::function<void(const TableStream&)>& use) const;

 private:
  ColumnarTable::FileDone add_to(Origin& origin) const;
  void with_passes(const CsvOptions& options, bool tolerant, Origin& origin,
                   const std::function<void(const std::vector<std::string>& names,
                                            const RowPasses& passes)>& use) const;
  bool has_names() const {
    return rows_ != nullptr || columnar_ || input_->format == Format::jsonl;
  }

  QueryRows* rows_ = nullptr;
  const Input* input_ = nullptr;  // else
  bool tolerant_ = false;
  JsonKeys keys_;  // of JSON Lines; of queries and columnar files their names
  std::optional<ColumnarTable> columnar_;
};

}  // namespace convoy
