#pragma once
// Parquet and Arrow files as tables. Their columns have types, and are read column by column and
// in parallel, where CSV is read row by row.
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "convoy/data/formats/formats.hpp"
#include "data/formats/columnar_component.hpp"
#include "data/formats/content.hpp"
#include "data/formats/table_stream.hpp"

namespace convoy {

bool is_parquet(std::span<const std::byte> bytes);
/// A file or a stream of Arrow's IPC format, or Feather.
bool is_arrow(std::span<const std::byte> bytes);

struct ColumnarLayout;

/// One or several files that are read as one table. Numbers of all kinds are numbers, dates are
/// days since 1970, times seconds (docs/parquet.md); text and booleans are categories.
class ColumnarTable {
 public:
  /// Reads what the files say of themselves. `most_values`: a table of more is not read into
  /// memory. Throws DataError for damaged files, and where one has other columns than the first;
  /// InputError where Convoy was built without Arrow.
  explicit ColumnarTable(const std::vector<Content>& files,
                         std::int64_t most_values = std::int64_t{2} << 30);
  ~ColumnarTable();
  ColumnarTable(ColumnarTable&&) noexcept;

  const std::vector<std::string>& names() const;

  /// In the lists of columns the name of a list column stands for its elements.
  void name_elements(std::vector<std::string>& columns) const;

  /// Told how many rows a file has.
  using FileDone = std::function<void(std::size_t file, std::int64_t rows)>;

  /// The columns that the options do not ignore; of the options missing and categorical count
  /// besides. With a tolerance rows with values that are not finite, or text that is none, end in
  /// Table::bad. Throws InputError / DataError.
  Table read(const std::string& name, const CsvOptions& options, const CsvTolerance* tolerance,
             const FileDone& done) const;

  /// The same in pieces; all arguments and this must outlive what is returned.
  std::unique_ptr<TableStream> stream(const std::string& name, const CsvOptions& options,
                                      const CsvTolerance* tolerance, const FileDone& done) const;

 private:
  std::unique_ptr<ColumnarLayout> layout_;
};

/// A Parquet file of these columns, all of one length. Throws InputError where Convoy was built
/// without Arrow.
std::string format_parquet(const std::vector<columnar::Written>& columns);

}  // namespace convoy
