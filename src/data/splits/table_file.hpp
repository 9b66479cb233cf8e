#pragma once
// A table: a file, several that are read as one, or the rows of a query.
#include <memory>

#include "convoy/data/formats/formats.hpp"
#include "data/formats/table_files.hpp"
#include "data/sources/query_rows.hpp"
#include "data/splits/joined.hpp"

namespace convoy {

class TableFile {
 public:
  /// `input` must outlive this. `tolerant`: rows may be bad. Columns that are `expected` are
  /// there whether or not JSON has their keys.
  TableFile(const Input& input, bool tolerant, const std::vector<Column>& expected = {});

  /// `rows` must outlive this.
  explicit TableFile(QueryRows& rows);

  const std::string& name() const { return name_; }

  /// The job's options as they hold for this file: of those who name their columns no header is
  /// wanted, and in the lists of columns a list column of Parquet and Arrow stands for its
  /// elements.
  CsvOptions options(const CsvOptions& options) const { return table_->options(options); }

  /// All columns, ignored ones included. Throws DataError when one of several files has others than
  /// the first.
  std::vector<std::string> names(const CsvOptions& options) const { return table_->names(options); }

  /// Whether columns that are ignored cost nothing.
  bool reads_by_column() const { return table_->reads_by_column(); }

  /// How many columns there are.
  std::size_t width(const CsvOptions& options) const { return table_->width(options); }

  /// Of the files' bytes; empty for a query.
  std::string checksum() const;

  /// Fills in which of the files each row comes from.
  Table read(const CsvOptions& options, const CsvTolerance* tolerance, Origin& origin) const;

  /// The same in pieces; `use` is given the table after its first reading.
  void stream(const CsvOptions& options, const CsvTolerance* tolerance, Origin& origin,
              const std::function<void(const TableStream&)>& use) const;

 private:
  FileDone add_to(Origin& origin) const;

  std::string name_;
  const std::vector<Content>* files_ = nullptr;  // none: a query
  std::unique_ptr<TableFiles> table_;
};

}  // namespace convoy
