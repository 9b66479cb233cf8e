#pragma once
// What Convoy and its component for Parquet and Arrow files (src/data/formats/arrow) say to each
// other. The component is a shared object of its own, loaded when the first such file is met: Arrow
// is large, and what of its wheel is visible must not meet what Convoy is linked with. So nothing
// but the standard library is in this header, and neither side uses the other's functions.
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <stdexcept>
#include <string>
#include <vector>

namespace convoy::columnar {

/// Another one is another interface.
inline constexpr int component_version = 1;
inline constexpr const char* component_symbol = "convoy_columnar_component";

enum class Storage { parquet, ipc_file, ipc_stream };
enum class Kind { number, text, unreadable };

/// A column of the table that a file is. Members of structs are columns (`place.x`), and so are
/// elements of lists that are all of one length (`vec_0`, `vec_1`).
struct Field {
  std::string name;
  Kind kind = Kind::number;
  std::string type;   ///< for messages: "timestamp[us]"; why a column is unreadable
  int group = 0;      ///< columns of one group are read together: the file's own column
  std::string whole;  ///< of an element of a list, the list's name
};

/// A column to read; `as_text`: spelled, although it is of numbers.
struct Wanted {
  int field = 0;
  bool as_text = false;
};

/// Values of a column: numbers or codes.
struct Values {
  std::vector<double> numbers;          ///< null is NaN; a NaN of the file has its sign bit set
  std::vector<std::int32_t> codes;      ///< into `categories`, -1 for null
  std::vector<std::string> categories;  ///< in order of first appearance; any bytes
  void clear() {
    numbers.clear();
    codes.clear();
    categories.clear();
  }
};

/// What is wrong with one row, counted from the cursor's first, in one of the wanted columns.
/// Everything else that a component throws is a std::exception about the file.
class __attribute__((visibility("default"))) RowError : public std::runtime_error {
 public:
  RowError(std::int64_t row, std::size_t column, const std::string& problem)
      : std::runtime_error(problem), row_(row), column_(column) {}
  std::int64_t row() const { return row_; }
  std::size_t column() const { return column_; }

 private:
  std::int64_t row_;
  std::size_t column_;
};

/// Reads rows of some columns, in order. Used by one thread.
class Cursor {
 public:
  virtual ~Cursor() = default;
  /// Appends at most so many rows to `into`, one for each wanted column, and returns how many; 0 at
  /// the end.
  virtual std::int64_t read(std::int64_t rows, std::span<Values> into) = 0;
};

/// An open file. All but the constructor may be called from any thread.
class File {
 public:
  virtual ~File() = default;
  virtual const std::vector<Field>& fields() const = 0;
  /// Row groups or record batches: what can be read apart from each other.
  virtual int units() const = 0;
  /// About how many rows a unit has, as the file says; negative where it does not.
  virtual std::int64_t rows_of(int unit) const = 0;
  virtual std::unique_ptr<Cursor> open(int unit, std::span<const Wanted> wanted) const = 0;
};

/// A column to write: of the three what is not empty; floats where all are.
struct Written {
  std::string name;
  std::vector<std::int64_t> integers;
  std::vector<float> floats;
  std::vector<std::string> texts;
  std::vector<bool> missing;  ///< of texts; empty: none is
};

struct Component {
  int version = component_version;
  const char* arrow = "";  ///< Arrow's version
  /// `bytes` must outlive what is returned.
  std::unique_ptr<File> (*open)(std::span<const std::byte> bytes, Storage storage) = nullptr;
  /// A Parquet file of these columns, all of one length.
  std::string (*write)(const std::vector<Written>& columns) = nullptr;
};

/// The type of the component's one visible function.
using ComponentFunction = const Component* (*)();

}  // namespace convoy::columnar
