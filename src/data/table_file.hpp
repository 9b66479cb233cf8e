#pragma once
// A table: a file of CSV, TSV or JSON Lines, or several that are read as one.
#include "convoy/data/formats.hpp"
#include "data/joined.hpp"
#include "data/json_lines.hpp"

namespace convoy {

class TableFile {
 public:
  /// `input` must outlive this. `tolerant`: rows may be bad. Columns that are `expected` are
  /// there whether or not JSON Lines have their keys, as a key that no line of a small file has is
  /// a missing value in all of them; unless the file has none of the expected columns.
  TableFile(const Input& input, bool tolerant, const std::vector<Column>& expected = {});

  const std::string& name() const { return input_.name; }

  /// The job's options as they hold for this file: TSV has tabs unless another delimiter is given,
  /// and JSON Lines name their columns whatever the options say.
  CsvOptions options(CsvOptions options) const;

  /// All columns, ignored ones included. Throws DataError when one of several files of CSV has
  /// others than the first.
  std::vector<std::string> names(const CsvOptions& options) const;

  /// How many columns there are.
  std::size_t width(const CsvOptions& options) const;

  /// Fills in which of the files each row comes from.
  Table read(const CsvOptions& options, const CsvTolerance* tolerance, Origin& origin) const;

 private:
  const Input& input_;
  bool tolerant_;
  JsonKeys keys_;  // of JSON Lines
};

}  // namespace convoy
