#pragma once
// A table to be read: a file of CSV, TSV or JSON Lines, or the rows of a query.
#include "convoy/data/formats.hpp"
#include "data/content.hpp"
#include "data/json_lines.hpp"
#include "data/sources/query_rows.hpp"

namespace convoy {

class TableFile {
 public:
  /// `content` must outlive this. `tolerant`: rows may be bad. Columns that are `expected` are
  /// there whether or not JSON Lines have their keys, as a key that no line of a small file has is
  /// a missing value in all of them; unless the file has none of the expected columns.
  TableFile(const Content& content, Format format, bool tolerant,
            const std::vector<Column>& expected = {});

  /// `rows` must outlive this.
  explicit TableFile(QueryRows& rows);

  const std::string& name() const { return rows_ ? rows_->name() : content_->name; }

  /// The job's options as they hold for this file: TSV has tabs unless another delimiter is given,
  /// and JSON Lines and queries name their columns whatever the options say.
  CsvOptions options(CsvOptions options) const;

  /// All columns, ignored ones included.
  std::vector<std::string> names(const CsvOptions& options) const;

  /// How many columns there are.
  std::size_t width(const CsvOptions& options) const;

  Table read(const CsvOptions& options, const CsvTolerance* tolerance) const;

 private:
  bool has_names() const { return rows_ || format_ == Format::jsonl; }

  QueryRows* rows_ = nullptr;
  const Content* content_ = nullptr;  // else
  Format format_ = Format::csv;
  bool tolerant_ = false;
  JsonKeys keys_;  // of JSON Lines; of a query its names
};

}  // namespace convoy
