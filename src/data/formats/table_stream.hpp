#pragma once
// Tables that are larger than memory.
#include <functional>
#include <limits>
#include <span>
#include <string>
#include <vector>

#include "data/formats/column_builder.hpp"

namespace convoy {

/// What the numbers of a column are.
struct NumberRange {
  std::int64_t count = 0;
  std::int64_t missing = 0;
  double low = std::numeric_limits<double>::quiet_NaN();
  double high = std::numeric_limits<double>::quiet_NaN();
  bool whole = true;   ///< all are whole
  bool single = true;  ///< all are what a 32-bit float can hold exactly
  bool negative_zero = false;
  void add(std::span<const double> numbers);
  void add(const NumberRange& other);
};

/// Of a column, missing values of one of text too.
NumberRange range_of(const Column& column);

/// Whether the options leave a column out.
bool is_ignored_column(const CsvOptions& options, const std::string& name);

/// A table that is read twice: what its columns are, then its rows in pieces, so that memory holds
/// a piece and each column's categories alone.
class TableStream {
 public:
  virtual ~TableStream() = default;

  /// Columns with names, types and categories; the number of rows; bad rows.
  const Table& head() const { return head_; }
  /// By column of the head; of missing values in columns of text too.
  const std::vector<NumberRange>& ranges() const { return ranges_; }

  /// Reads all rows again. A piece's columns are those of the head, without categories; its bad
  /// rows are counted from its first one.
  virtual void read(const std::function<void(Table piece)>& take) const = 0;

 protected:
  Table head_;
  std::vector<NumberRange> ranges_;
};

/// Of a format that has rows.
class RowStream final : public TableStream {
 public:
  /// Reads what build_table would, and keeps no values. All must outlive this but `names`. Throws
  /// as build_table.
  RowStream(const std::vector<std::string>& names, const std::string& file,
            const CsvOptions& options, const CsvTolerance* tolerance, const RowPasses& passes);

  void read(const std::function<void(Table piece)>& take) const override;

 private:
  void read_pieces(std::vector<ColumnBuilder>& builders, std::vector<BadRow>* bad,
                   const std::function<void(Table piece)>& take) const;

  std::vector<std::string> names_;
  const std::string& file_;
  const CsvOptions& options_;
  const RowPasses& passes_;
  MissingSpellings missing_;
  bool tolerant_ = false;
};

}  // namespace convoy
