#pragma once
// Files that are read as one table, whatever their format.
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "convoy/data/formats/format.hpp"
#include "data/formats/column_builder.hpp"
#include "data/formats/table_stream.hpp"

namespace convoy {

/// What is read. The files outlive the table.
struct TableRequest {
  std::string name;  ///< of all files, for messages
  const std::vector<Content>& files;
  bool tolerant = false;  ///< rows may be bad
  /// Columns that are there though no row of the files may have them, if the files have any of
  /// these.
  const std::vector<Column>& expected;
};

/// Told how many rows a file has, as it was read to its end.
using FileDone = std::function<void(std::size_t file, std::int64_t rows)>;

class TableFiles {
 public:
  virtual ~TableFiles() = default;

  /// The job's options as they hold for these files: those who name their columns take none.
  virtual CsvOptions options(CsvOptions options) const;
  /// All columns, ignored ones included. Throws DataError when one of several files has others than
  /// the first.
  virtual std::vector<std::string> names(const CsvOptions& options) const = 0;
  /// How many columns there are.
  virtual std::size_t width(const CsvOptions& options) const { return names(options).size(); }
  /// Whether columns that are ignored cost nothing.
  virtual bool reads_by_column() const { return false; }

  virtual Table read(const CsvOptions& options, const CsvTolerance* tolerance,
                     const FileDone& done) const = 0;
  /// The same in pieces; `use` is given the table after its first reading.
  virtual void stream(const CsvOptions& options, const CsvTolerance* tolerance,
                      const FileDone& done,
                      const std::function<void(const TableStream&)>& use) const = 0;
};

/// Of formats that have rows.
class RowFiles : public TableFiles {
 public:
  Table read(const CsvOptions& options, const CsvTolerance* tolerance,
             const FileDone& done) const override;
  void stream(const CsvOptions& options, const CsvTolerance* tolerance, const FileDone& done,
              const std::function<void(const TableStream&)>& use) const override;

 protected:
  explicit RowFiles(std::string name) : name_(std::move(name)) {}

  /// Of each file; `columns` as `names` gives them.
  virtual std::vector<RowPasses> passes(const CsvOptions& options, bool tolerant,
                                        const std::vector<std::string>& columns) const = 0;

  const std::string name_;
};

/// Opens files of a format of tables. Throws InputError / DataError.
std::unique_ptr<TableFiles> open_table(const FormatKind& format, const TableRequest& request);

/// The rows of several files, one after the other; `parts` and `done` must outlive the result.
RowPasses join_rows(const std::vector<RowPasses>& parts, const FileDone& done);

}  // namespace convoy
