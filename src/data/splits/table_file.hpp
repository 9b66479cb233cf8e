#pragma once
// A table: a file of CSV, TSV or JSON Lines, several that are read as one, or the rows of a query.
#include "convoy/data/formats/formats.hpp"
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
  /// and JSON Lines and queries name their columns whatever the options say.
  CsvOptions options(CsvOptions options) const;

  /// All columns, ignored ones included. Throws DataError when one of several files of CSV has
  /// others than the first.
  std::vector<std::string> names(const CsvOptions& options) const;

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
  void with_passes(const CsvOptions& options, bool tolerant, Origin& origin,
                   const std::function<void(const std::vector<std::string>& names,
                                            const RowPasses& passes)>& use) const;
  bool has_names() const { return rows_ != nullptr || input_->format == Format::jsonl; }

  QueryRows* rows_ = nullptr;
  const Input* input_ = nullptr;  // else
  bool tolerant_ = false;
  JsonKeys keys_;  // of JSON Lines; of a query its names
};

}  // namespace convoy
