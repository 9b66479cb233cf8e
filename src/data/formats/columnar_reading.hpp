#pragma once
// One reading of Parquet or Arrow files: pieces are put together to columns of the table.
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "data/formats/columnar_pieces.hpp"
#include "data/formats/content.hpp"

namespace convoy {

struct ColumnarFile {
  Content content;
  std::unique_ptr<columnar::File> file;
  std::vector<int> fields;  ///< for each column of the table the file's
};

/// Files that are one table.
struct ColumnarLayout {
  std::vector<ColumnarFile> files;
  std::vector<std::string> names;
  std::vector<bool> text;  ///< by name: it is text in one of the files
  std::int64_t most_values = 0;
};

/// A column while its rows are read.
class GrowingColumn {
 public:
  GrowingColumn(std::string name, bool categorical);

  /// `bad`: rows of the piece whose values are missing.
  void add(columnar::Values& values, const MissingValues& missing,
           const std::vector<std::int64_t>& bad);

  void reserve(std::size_t rows);

  /// Values since the last call; name and categories stay.
  Column take_values();

  const Column& column() const { return column_; }
  Column finish() { return std::move(column_); }

 private:
  void add_codes(const columnar::Values& values, const MissingValues& missing);
  std::int32_t code_of(const std::string& text, const MissingValues& missing);

  Column column_;
  std::unordered_map<std::string, std::int32_t> codes_;
};

/// Of the columns that the options do not ignore.
class ColumnarReading {
 public:
  /// Told how many rows a file has.
  using FileDone = std::function<void(std::size_t file, std::int64_t rows)>;
  /// Told of each addition to the columns; bad rows are counted from its first.
  using Added = std::function<void(std::int64_t rows, std::vector<BadRow> bad)>;

  /// `name`: of all files, for messages. All must outlive this but `name`. Throws InputError.
  ColumnarReading(const ColumnarLayout& layout, const std::string& name, const CsvOptions& options,
                  const CsvTolerance* tolerance, const FileDone& done);

  std::vector<GrowingColumn>& columns() { return columns_; }

  /// Room for what the files say they hold, where that can be true. Throws DataError when it is
  /// more than may be.
  void reserve(const std::string& name);

  /// Throws DataError when a table of so many rows is larger than may be.
  void require_room(std::int64_t rows, const std::string& name) const;

  /// Adds all rows to the columns, about so much memory of them at once.
  void run(std::size_t memory, const Added& added);

 private:
  void require_readable(const ColumnarFile& file) const;
  std::vector<BadRow> flaws_of(const Piece& piece, const std::string& file,
                               std::int64_t before) const;
  void add(Piece& piece, const std::string& file, std::int64_t before, const Added& added);

  const ColumnarLayout& layout_;
  const FileDone& done_;
  MissingValues missing_;
  bool tolerant_ = false;
  std::vector<std::size_t> wanted_;  // of the table's columns
  std::vector<GrowingColumn> columns_;
};

}  // namespace convoy
