#pragma once
// The rows of a Parquet or Arrow file in pieces, decoded by several threads and given in order.
#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "data/formats/column_builder.hpp"
#include "data/formats/columnar_component.hpp"

namespace convoy {

/// What stands for a missing value in columns that have types, besides null.
class MissingValues {
 public:
  /// `spellings` must outlive this.
  explicit MissingValues(const std::vector<std::string>& spellings);

  bool contains(std::string_view text) const { return spellings_.contains(text); }
  bool has_numbers() const { return !numbers_.empty(); }
  /// A number that is one of the spellings, or such a NaN or infinity.
  bool contains(double number) const;

 private:
  MissingSpellings spellings_;
  std::vector<double> numbers_;  // and what they are as floats
  bool nan_ = false;
};

/// A value that cannot be used.
struct Flaw {
  std::int64_t row = 0;  ///< of the piece
  std::string problem;   ///< "'inf' is not a finite number"
};

struct ColumnPiece {
  columnar::Values values;
  std::vector<Flaw> flaws;  ///< by row; only the first where all are not wanted
};

/// Rows that follow each other.
struct Piece {
  std::int64_t rows = 0;
  std::vector<ColumnPiece> columns;  ///< as wanted
};

/// What is read of a file, and how.
struct PieceOptions {
  const columnar::File& file;
  const std::string& name;  ///< of the file, for messages
  std::span<const columnar::Wanted> wanted;
  const MissingValues& missing;
  bool all_flaws = false;
  std::size_t memory = 0;  ///< about what pieces that are given at once may take
};

/// Gives all rows, some pieces at once. Missing values are NaN and -1; categories that are missing
/// or flawed keep their codes. Throws DataError for damaged files.
void read_pieces(const PieceOptions& options,
                 const std::function<void(std::span<Piece> pieces)>& take);

}  // namespace convoy
