#include "data/formats/array.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>

namespace convoy {
namespace {

template <typename T>
void convert(const std::byte* bytes, std::span<double> out) {
  const auto* from = reinterpret_cast<const T*>(bytes);
  for (std::size_t i = 0; i < out.size(); ++i) out[i] = static_cast<double>(from[i]);
}

}  // namespace

std::size_t size_of(ElementType type) {
  switch (type) {
    case ElementType::u8:
    case ElementType::i8:
      return 1;
    case ElementType::u16:
    case ElementType::i16:
    case ElementType::f16:
      return 2;
    case ElementType::u32:
    case ElementType::i32:
    case ElementType::f32:
      return 4;
    case ElementType::u64:
    case ElementType::i64:
    case ElementType::f64:
      return 8;
  }
  return 0;
}

std::string_view name_of(ElementType type) {
  switch (type) {
    case ElementType::u8:
      return "uint8";
    case ElementType::i8:
      return "int8";
    case ElementType::u16:
      return "uint16";
    case ElementType::i16:
      return "int16";
    case ElementType::u32:
      return "uint32";
    case ElementType::i32:
      return "int32";
    case ElementType::u64:
      return "uint64";
    case ElementType::i64:
      return "int64";
    case ElementType::f16:
      return "float16";
    case ElementType::f32:
      return "float32";
    case ElementType::f64:
      return "float64";
  }
  return "";
}

bool is_floating(ElementType type) {
  return type == ElementType::f16 || type == ElementType::f32 || type == ElementType::f64;
}

Half::operator float() const {
  const int exponent = bits >> 10 & 0x1f;
  const int fraction = bits & 0x3ff;
  constexpr int special = 0x1f;
  float value = 0;
  if (exponent == special)
    value = fraction == 0 ? std::numeric_limits<float>::infinity()
                          : std::numeric_limits<float>::quiet_NaN();
  else if (exponent == 0)
    value = std::ldexp(static_cast<float>(fraction), -24);
  else
    value = std::ldexp(static_cast<float>(fraction + 0x400), exponent - 25);
  return (bits & 0x8000) != 0 ? -value : value;
}

std::optional<std::size_t> element_count(std::span<const std::int64_t> shape, ElementType type) {
  // The product of the other dimensions must not overflow even where one dimension is 0.
  std::int64_t product = 1;
  bool empty = false;
  for (const std::int64_t dimension : shape) {
    if (dimension < 0) return std::nullopt;
    if (dimension == 0) {
      empty = true;
    } else if (__builtin_mul_overflow(product, dimension, &product)) {
      return std::nullopt;
    }
  }
  std::int64_t bytes = 0;
  if (__builtin_mul_overflow(product, static_cast<std::int64_t>(size_of(type)), &bytes))
    return std::nullopt;
  return empty ? 0 : static_cast<std::size_t>(product);
}

std::string shape_text(std::span<const std::int64_t> shape) {
  return shape.empty() ? "scalar" : fmt::format("{}", fmt::join(shape, "x"));
}

std::shared_ptr<const std::vector<std::byte>> own(std::vector<std::byte> bytes) {
  return std::make_shared<const std::vector<std::byte>>(std::move(bytes));
}

void make_readable(Array& array, bool swap) {
  const std::size_t width = size_of(array.type);
  swap = swap && width > 1;
  const bool aligned = reinterpret_cast<std::uintptr_t>(array.bytes.data()) % width == 0;
  if (!swap && aligned && array.owner) return;
  std::vector<std::byte> buffer(array.bytes.begin(), array.bytes.end());
  if (swap) {
    for (std::size_t at = 0; at + width <= buffer.size(); at += width) {
      std::reverse(buffer.begin() + static_cast<std::ptrdiff_t>(at),
                   buffer.begin() + static_cast<std::ptrdiff_t>(at + width));
    }
  }
  const auto owner = own(std::move(buffer));
  array.bytes = *owner;
  array.owner = owner;
}

void to_doubles(const Array& array, std::size_t first, std::span<double> out) {
  to_doubles(array.type, array.bytes.data() + first * size_of(array.type), out);
}

void to_doubles(ElementType type, const std::byte* from, std::span<double> out) {
  switch (type) {
    case ElementType::u8:
      return convert<std::uint8_t>(from, out);
    case ElementType::i8:
      return convert<std::int8_t>(from, out);
    case ElementType::u16:
      return convert<std::uint16_t>(from, out);
    case ElementType::i16:
      return convert<std::int16_t>(from, out);
    case ElementType::u32:
      return convert<std::uint32_t>(from, out);
    case ElementType::i32:
      return convert<std::int32_t>(from, out);
    case ElementType::u64:
      return convert<std::uint64_t>(from, out);
    case ElementType::i64:
      return convert<std::int64_t>(from, out);
    case ElementType::f16:
      return convert<Half>(from, out);
    case ElementType::f32:
      return convert<float>(from, out);
    case ElementType::f64:
      return convert<double>(from, out);
  }
}

}  // namespace convoy
