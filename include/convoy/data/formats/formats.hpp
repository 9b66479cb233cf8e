#pragma once
// Readers of IDX, NPY and CSV. None of them needs libtorch; all treat their input as untrusted.
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "convoy/data/formats/csv_options.hpp"

#pragma GCC visibility push(default)

namespace convoy {

enum class ElementType { u8, i8, u16, i16, u32, i32, u64, i64, f16, f32, f64 };
std::size_t size_of(ElementType type);
/// f16 (IEEE 754 binary16), f32 or f64.
bool is_floating(ElementType type);

/// A dense array in C order and native byte order. `owner` keeps the bytes alive: a file mapping
/// where the format allows (IDX of bytes, NPY in native order), else a buffer.
struct Array {
  std::vector<std::int64_t> shape;
  ElementType type = ElementType::f32;
  std::span<const std::byte> bytes;
  std::shared_ptr<const void> owner;
  std::int64_t rows() const { return shape.empty() ? 1 : shape[0]; }
};

/// A column of a table. Numeric: `numbers`, NaN where missing. Categorical: `codes` into
/// `categories`, -1 where missing.
struct Column {
  std::string name;
  bool categorical = false;
  std::vector<double> numbers;
  std::vector<std::int32_t> codes;
  std::vector<std::string> categories;  ///< in order of first appearance
};

/// A row that could not be read, and why: "x.csv:7: 3 fields where 4 are expected".
struct BadRow {
  std::int64_t row = 0;  ///< from 0
  std::string problem;
};

struct Table {
  std::vector<Column> columns;
  std::int64_t rows = 0;    ///< bad ones included, whose values are all missing
  std::vector<BadRow> bad;  ///< ascending; only where the reader was told to tolerate them
};

/// Go on after rows that cannot be read: with another number of fields, text or a value that is not
/// finite in a column of numbers, a quote without an end, text that is not UTF-8.
struct CsvTolerance {
  /// A column with at most this part of text among its values, and more numbers than text, is one
  /// of numbers.
  double text_among_numbers = 0.01;
  std::vector<std::string> numbers;  ///< columns that are of numbers whatever they hold
};

/// Parse from memory; `name` stands for the file in messages. All throw DataError naming the line
/// or byte offset. Without an `owner` arrays copy the bytes. In CSV, blanks around a field without
/// quotes are not part of it.
Array parse_idx(std::span<const std::byte> bytes, const std::string& name,
                std::shared_ptr<const void> owner = {});
Array parse_npy(std::span<const std::byte> bytes, const std::string& name,
                std::shared_ptr<const void> owner = {});
/// With a `tolerance` bad rows of a CSV text, its header excepted, end in Table::bad. After a quote
/// that makes no sense reading goes on at the next line.
Table parse_csv(std::string_view text, const std::string& name, const CsvOptions& options,
                const CsvTolerance* tolerance = nullptr);

/// The same from files, which may be compressed with gzip or zstd (by content).
Array read_idx(const std::filesystem::path& path);
Array read_npy(const std::filesystem::path& path);
Table read_csv(const std::filesystem::path& path, const CsvOptions& options);

/// NPY 1.0 bytes of a C-order array
/// (https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html).
std::string format_npy(const Array& array);

}  // namespace convoy

#pragma GCC visibility pop
