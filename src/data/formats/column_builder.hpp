#pragma once
// The columns of a table while its rows are read: what is a number, what text, what is missing.
// What the readers of CSV and JSON Lines share.
#include <functional>
#include <unordered_map>

#include "convoy/data/formats/formats.hpp"

namespace convoy {

/// A value as its file spells it.
struct Field {
  std::string_view text;
  bool is_text = false;  ///< by what the file says: even "12" is no number
};

enum class FieldKind { number, nonfinite, text };

struct ParsedField {
  FieldKind kind = FieldKind::text;
  double value = 0;
};
ParsedField parse_number(std::string_view text);

/// The spellings of a missing value.
class MissingSpellings {
 public:
  explicit MissingSpellings(const std::vector<std::string>& spellings);
  /// Whether a number can stand for a missing value (-999), so that numbers must be looked up too.
  bool numeric() const { return numeric_; }
  bool contains(std::string_view text) const;

 private:
  const std::vector<std::string>& spellings_;
  bool numeric_ = false;
};

struct StringHash {
  using is_transparent = void;
  std::size_t operator()(std::string_view text) const {
    return std::hash<std::string_view>{}(text);
  }
};

/// Collects one column. `again` means: numbers seen before turned out to be categories, read the
/// column once more.
class ColumnBuilder {
 public:
  enum class Mode { skip, number, category, again };

  ColumnBuilder(std::string name, Mode mode);

  Mode mode() const { return mode_; }

  /// Before anything is read: the column is known to hold text.
  void make_category();

  /// For the second pass: only columns marked `again` are read, now as categories.
  void rewind();

  /// What is wrong with a field of a column whose type is settled; empty: nothing.
  std::string problem_of(const Field& field, const MissingSpellings& missing) const;

  void add_missing();
  void add(const Field& field, const MissingSpellings& missing, const std::string& file,
           std::int64_t line);

  /// The values since the last call, without categories.
  Column take_values();

  /// Throws DataError when a column of numbers held one that is not finite.
  Column finish();

 private:
  void add_number(const Field& field, const MissingSpellings& missing, const std::string& file,
                  std::int64_t line);
  void add_category(std::string_view text, const MissingSpellings& missing, const std::string& file,
                    std::int64_t line);

  Column column_;
  Mode mode_;
  bool seen_ = false;         // a number was stored
  std::string nonfinite_at_;  // "file:line" of the first number that is not finite
  std::string nonfinite_;
  std::unordered_map<std::string, std::int32_t, StringHash, std::equal_to<>> codes_;
};

/// How many values of a column are numbers and how many text, where some fields may be damaged.
struct KindCounts {
  std::int64_t numbers = 0;
  std::int64_t texts = 0;
  void add(const Field& field, const MissingSpellings& missing);
};

/// Adds a row that cannot be read. Throws DataError when there are too many to hold.
void note_bad_row(std::vector<BadRow>& bad, std::int64_t row, const std::string& problem);

/// Called after each row; empty: nobody wants to know.
using RowDone = std::function<void()>;

/// How a format reads its rows.
struct RowPasses {
  /// Counts the values of the rows that can be read.
  std::function<void(const MissingSpellings&, std::vector<KindCounts>&)> count;
  /// Reads all rows and returns their number. With `bad`, which takes the rows that cannot be read,
  /// the types of the columns are settled.
  std::function<std::int64_t(const MissingSpellings&, std::vector<ColumnBuilder>&,
                             std::vector<BadRow>* bad, const RowDone& done)>
      read;
};

/// The builders of a table's columns, ignored ones included. With a tolerance a pass over all rows
/// settles their types. Throws InputError for options that name no column.
std::vector<ColumnBuilder> start_builders(const std::vector<std::string>& names,
                                          const std::string& file, const CsvOptions& options,
                                          const CsvTolerance* tolerance,
                                          const MissingSpellings& missing, const RowPasses& passes);

/// A table of these columns, those that the options ignore excepted. A second pass is needed only
/// where numbers came first and text later ("1", "2", "x"), because the numbers' own spelling is
/// then what counts. Throws InputError / DataError.
Table build_table(const std::vector<std::string>& names, const std::string& file,
                  const CsvOptions& options, const CsvTolerance* tolerance,
                  const RowPasses& passes);

}  // namespace convoy
