// Declared in convoy/data/formats/formats.hpp.
// IDX, the format of MNIST: two zero bytes, the type, the number of dimensions, each dimension as a
// big-endian 32-bit number, then the elements in C order, big-endian
// (http://yann.lecun.com/exdb/mnist, "the IDX file format").
#include <fmt/format.h>

#include <bit>

#include "convoy/core/error.hpp"
#include "convoy/data/formats/format.hpp"
#include "data/formats/array.hpp"
#include "data/formats/file_names.hpp"

namespace convoy {
namespace {

constexpr std::size_t most_idx_dimensions = 32;

std::uint32_t big_endian(std::span<const std::byte> bytes, std::size_t at) {
  std::uint32_t value = 0;
  for (std::size_t i = 0; i < 4; ++i)
    value = value << 8 | std::to_integer<std::uint32_t>(bytes[at + i]);
  return value;
}

std::optional<ElementType> type_of(std::byte code) {
  switch (std::to_integer<int>(code)) {
    case 0x08:
      return ElementType::u8;
    case 0x09:
      return ElementType::i8;
    case 0x0B:
      return ElementType::i16;
    case 0x0C:
      return ElementType::i32;
    case 0x0D:
      return ElementType::f32;
    case 0x0E:
      return ElementType::f64;
    default:
      return std::nullopt;
  }
}

}  // namespace

Array parse_idx(std::span<const std::byte> bytes, const std::string& name,
                std::shared_ptr<const void> owner) {
  if (bytes.size() < 4) {
    throw DataError(name,
                    fmt::format("truncated: an IDX file starts with 4 bytes of magic, file has {}",
                                bytes.size()));
  }
  const auto type = type_of(bytes[2]);
  const auto dimensions = std::to_integer<std::size_t>(bytes[3]);
  if (bytes[0] != std::byte{0} || bytes[1] != std::byte{0} || !type || dimensions == 0 ||
      dimensions > most_idx_dimensions) {
    throw DataError(name + ", byte 0",
                    fmt::format("wrong magic {:#x}: not an IDX file", big_endian(bytes, 0)));
  }
  const std::size_t header = 4 + 4 * dimensions;
  if (bytes.size() < header) {
    throw DataError(
        name, fmt::format("truncated: the header of {} dimensions needs {} bytes, file has {}",
                          dimensions, header, bytes.size()));
  }
  Array array;
  array.type = *type;
  array.owner = std::move(owner);
  for (std::size_t i = 0; i < dimensions; ++i) array.shape.push_back(big_endian(bytes, 4 + 4 * i));
  const auto elements = element_count(array.shape, *type);
  if (!elements) {
    throw DataError(name + ", byte 4", fmt::format("impossible size {}", shape_text(array.shape)));
  }
  const std::size_t expected = header + *elements * size_of(*type);
  if (bytes.size() != expected) {
    throw DataError(name, fmt::format("{}: header says {} ({} bytes), file has {}",
                                      bytes.size() < expected ? "truncated" : "too long",
                                      shape_text(array.shape), expected, bytes.size()));
  }
  array.bytes = bytes.subspan(header);
  make_readable(array, std::endian::native == std::endian::little);
  return array;
}

namespace {

FormatKind idx_kind() {
  FormatKind kind;
  kind.name = "idx";
  kind.doc = "IDX, the format of MNIST";
  kind.title = "IDX";
  kind.holds = Holds::array;
  kind.likeness = [](const Content& file) {
    const std::string_view text = file.text();
    if (text.size() >= 4 && text[0] == 0 && text[1] == 0 && text[2] >= 8 && text[2] <= 14)
      return Likeness::mark;
    const std::string name = unpacked_name(file.name);
    const bool named = name.find("-idx") != name.npos || name.find(".idx") != name.npos;
    return named && !name.ends_with(".txt") && !name.ends_with(".data") ? Likeness::text
                                                                        : Likeness::none;
  };
  kind.array = [](const Content& file) { return parse_idx(file.bytes, file.name, file.owner); };
  return kind;
}

const schema::Registered idx_format(formats(), idx_kind());

}  // namespace

}  // namespace convoy
