#pragma once
// A file of a table: CSV, TSV or JSON Lines.
#include "convoy/data/formats.hpp"
#include "data/content.hpp"
#include "data/json_lines.hpp"

namespace convoy {

class TableFile {
 public:
  /// `content` must outlive this. `tolerant`: rows may be bad. Columns that are `expected` are
  /// there whether or not JSON Lines have their keys, as a key that no line of a small file has is
  /// a missing value in all of them; unless the file has none of the expected columns.
  TableFile(const Content& content, Format format, bool tolerant,
            const std::vector<Column>& expected = {});

  const std::string& name() const { return content_.name; }

  /// The job's options as they hold for this file: TSV has tabs unless another delimiter is given,
  /// and JSON Lines name their columns whatever the options say.
  CsvOptions options(CsvOptions options) const;

  /// All columns, ignored ones included.
  std::vector<std::string> names(const CsvOptions& options) const;

  /// How many columns there are.
  std::size_t width(const CsvOptions& options) const;

  Table read(const CsvOptions& options, const CsvTolerance* tolerance) const;

 private:
  const Content& content_;
  Format format_;
  bool tolerant_;
  JsonKeys keys_;  // of JSON Lines
};

}  // namespace convoy
