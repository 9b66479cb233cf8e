#pragma once
// What the readers of dense arrays share: sizes checked against overflow, byte order, conversion to
// double.
#include <optional>

#include "convoy/data/formats/formats.hpp"

namespace convoy {

/// As NumPy calls it: "uint8".
std::string_view name_of(ElementType type);

/// An element of type f16.
struct Half {
  std::uint16_t bits = 0;
  operator float() const;
};

/// Elements of an array of this shape, or nothing when a dimension is negative or the size in bytes
/// overflows.
std::optional<std::size_t> element_count(std::span<const std::int64_t> shape, ElementType type);

/// "60000x28x28"; "scalar" for no dimensions.
std::string shape_text(std::span<const std::int64_t> shape);

/// Makes `array.bytes` readable in place: a buffer of its own when the bytes are in foreign order
/// (`swap`), not aligned for their type, or owned by nobody. Otherwise `array` stays a view.
void make_readable(Array& array, bool swap);

/// Elements first .. first + out.size() - 1 of the array as doubles.
void to_doubles(const Array& array, std::size_t first, std::span<double> out);

/// Elements of this type that begin at `from`, which is aligned for them.
void to_doubles(ElementType type, const std::byte* from, std::span<double> out);

/// A byte buffer as an owner.
std::shared_ptr<const std::vector<std::byte>> own(std::vector<std::byte> bytes);

}  // namespace convoy
