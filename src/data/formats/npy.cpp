// Declared in convoy/data/formats/formats.hpp.
// NPY 1.0 to 3.0: https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html
// magic "\x93NUMPY", version, length of the header, the header (a Python dict literal), the
// elements.
#include <fmt/format.h>

#include <bit>
#include <charconv>
#include <cstring>

#include "convoy/core/error.hpp"
#include "convoy/data/formats/format.hpp"
#include "data/formats/array.hpp"

namespace convoy {
namespace {

constexpr std::string_view magic = "\x93NUMPY";
constexpr std::size_t most_npy_dimensions = 32;

struct Header {
  std::string descr;
  std::optional<bool> fortran_order;
  std::optional<std::vector<std::int64_t>> shape;
};

/// The one shape of Python literal that numpy writes: {'descr': '<f8', 'fortran_order': False,
/// 'shape': (3, 4), }
class HeaderParser {
 public:
  HeaderParser(std::string_view text, const std::string& name, std::size_t offset)
      : text_(text), name_(name), offset_(offset) {}

  Header parse() {
    Header header;
    expect('{');
    while (!accept('}')) {
      const std::string key = string();
      expect(':');
      if (key == "descr") {
        if (peek() == '[')
          fail("structured arrays are not supported; save one array of plain numbers");
        header.descr = string();
      } else if (key == "fortran_order") {
        header.fortran_order = boolean();
      } else if (key == "shape") {
        header.shape = tuple();
      } else {
        fail(fmt::format("unknown key '{}' in the header", key));
      }
      if (!accept(',') && peek() != '}') fail("',' or '}' expected in the header");
    }
    if (peek() != '\0') fail("text after the header's '}'");
    if (header.descr.empty() || !header.fortran_order || !header.shape) {
      fail("the header lacks descr, fortran_order or shape");
    }
    return header;
  }

 private:
  [[noreturn]] void fail(const std::string& problem) const {
    throw DataError(fmt::format("{}, byte {}", name_, offset_ + at_), problem);
  }
  char peek() {
    while (at_ < text_.size() && (text_[at_] == ' ' || text_[at_] == '\n')) ++at_;
    return at_ < text_.size() ? text_[at_] : '\0';
  }
  bool accept(char c) {
    if (peek() != c || at_ >= text_.size()) return false;
    ++at_;
    return true;
  }
  void expect(char c) {
    if (!accept(c)) fail(fmt::format("'{}' expected in the header", c));
  }
  std::string string() {
    const char quote = peek();
    if (quote != '\'' && quote != '"') fail("a quoted string expected in the header");
    const std::size_t end = text_.find(quote, at_ + 1);
    if (end == std::string_view::npos || end - at_ > 64)
      fail("a short quoted string expected in the header");
    std::string value(text_.substr(at_ + 1, end - at_ - 1));
    for (const char c : value) {
      if (c < ' ' || c > '~') fail("a string in the header holds unprintable characters");
    }
    at_ = end + 1;
    return value;
  }
  bool boolean() {
    peek();
    const std::string_view rest = text_.substr(at_);
    const bool value = rest.starts_with("True");
    if (!value && !rest.starts_with("False")) fail("True or False expected in the header");
    at_ += value ? 4 : 5;
    return value;
  }
  std::vector<std::int64_t> tuple() {
    std::vector<std::int64_t> values;
    expect('(');
    while (!accept(')')) {
      peek();
      std::int64_t value = 0;
      const auto [end, error] =
          std::from_chars(text_.data() + at_, text_.data() + text_.size(), value);
      if (error != std::errc{} || value < 0)
        fail("a dimension of the shape is not a number from 0");
      at_ = static_cast<std::size_t>(end - text_.data());
      values.push_back(value);
      if (values.size() > most_npy_dimensions)
        fail(fmt::format("more than {} dimensions", most_npy_dimensions));
      if (!accept(',') && peek() != ')') fail("',' or ')' expected in the shape");
    }
    return values;
  }

  std::string_view text_;
  const std::string& name_;
  std::size_t offset_;
  std::size_t at_ = 0;
};

std::optional<ElementType> type_of(std::string_view code) {
  if (code == "b1" || code == "u1") return ElementType::u8;
  if (code == "i1") return ElementType::i8;
  if (code == "u2") return ElementType::u16;
  if (code == "i2") return ElementType::i16;
  if (code == "u4") return ElementType::u32;
  if (code == "i4") return ElementType::i32;
  if (code == "u8") return ElementType::u64;
  if (code == "i8") return ElementType::i64;
  if (code == "f2") return ElementType::f16;
  if (code == "f4") return ElementType::f32;
  if (code == "f8") return ElementType::f64;
  return std::nullopt;
}

std::string_view code_of(ElementType type) {
  switch (type) {
    case ElementType::u8:
      return "|u1";
    case ElementType::i8:
      return "|i1";
    case ElementType::u16:
      return "<u2";
    case ElementType::i16:
      return "<i2";
    case ElementType::u32:
      return "<u4";
    case ElementType::i32:
      return "<i4";
    case ElementType::u64:
      return "<u8";
    case ElementType::i64:
      return "<i8";
    case ElementType::f16:
      return "<f2";
    case ElementType::f32:
      return "<f4";
    case ElementType::f64:
      return "<f8";
  }
  return "";
}

/// Rewrites a Fortran-order array (first dimension fastest) in C order.
void to_c_order(Array& array, std::size_t elements) {
  const std::size_t width = size_of(array.type);
  const std::size_t dimensions = array.shape.size();
  std::vector<std::size_t> stride(dimensions, 1);
  for (std::size_t d = 1; d < dimensions; ++d)
    stride[d] = stride[d - 1] * static_cast<std::size_t>(array.shape[d - 1]);
  std::vector<std::byte> out(elements * width);
  std::vector<std::int64_t> index(dimensions, 0);
  std::size_t from = 0;
  for (std::size_t to = 0; to < elements; ++to) {
    std::memcpy(out.data() + to * width, array.bytes.data() + from * width, width);
    for (std::size_t d = dimensions; d-- > 0;) {
      from += stride[d];
      if (++index[d] < array.shape[d]) break;
      from -= stride[d] * static_cast<std::size_t>(array.shape[d]);
      index[d] = 0;
    }
  }
  const auto owner = own(std::move(out));
  array.bytes = *owner;
  array.owner = owner;
}

/// Where the header's text starts and how long it is.
std::pair<std::size_t, std::size_t> locate_header(std::span<const std::byte> bytes,
                                                  const std::string& name) {
  if (bytes.size() < magic.size() || std::memcmp(bytes.data(), magic.data(), magic.size()) != 0) {
    throw DataError(name + ", byte 0", "does not start with \\x93NUMPY: not an NPY file");
  }
  if (bytes.size() < 12)
    throw DataError(name, fmt::format("truncated: file has {} bytes", bytes.size()));
  const int version = std::to_integer<int>(bytes[6]);
  if (version < 1 || version > 3) {
    throw DataError(name + ", byte 6",
                    fmt::format("NPY version {} is not known (1 to 3 are)", version));
  }
  std::size_t length = 0;
  const std::size_t digits = version == 1 ? 2 : 4;
  for (std::size_t i = digits; i-- > 0;)
    length = length << 8 | std::to_integer<std::size_t>(bytes[8 + i]);
  const std::size_t start = 8 + digits;
  if (length > bytes.size() - start) {
    throw DataError(
        name, fmt::format("truncated: a header of {} bytes, file has {}", length, bytes.size()));
  }
  return {start, length};
}

}  // namespace

Array parse_npy(std::span<const std::byte> bytes, const std::string& name,
                std::shared_ptr<const void> owner) {
  const auto [start, length] = locate_header(bytes, name);
  const std::string_view text(reinterpret_cast<const char*>(bytes.data()) + start, length);
  const Header header = HeaderParser(text, name, start).parse();

  const char order = header.descr[0];
  const auto type = std::string_view("<>|=").find(order) == std::string_view::npos
                        ? std::nullopt
                        : type_of(std::string_view(header.descr).substr(1));
  if (!type) {
    throw DataError(
        name,
        fmt::format(
            "elements of type '{}' are not supported; save them as bool, an integer or a float "
            "of up to 64 bits",
            header.descr));
  }
  Array array;
  array.type = *type;
  array.shape = *header.shape;
  array.owner = std::move(owner);
  const auto elements = element_count(array.shape, *type);
  const std::size_t available = bytes.size() - start - length;
  if (!elements) throw DataError(name, fmt::format("impossible shape {}", shape_text(array.shape)));
  const std::size_t expected = *elements * size_of(*type);
  if (available != expected) {
    throw DataError(name, fmt::format("{}: header says {} ({} bytes of data), file has {}",
                                      available < expected ? "truncated" : "too long",
                                      shape_text(array.shape), expected, available));
  }
  array.bytes = bytes.subspan(start + length);
  const char foreign = std::endian::native == std::endian::little ? '>' : '<';
  make_readable(array, order == foreign);
  if (*header.fortran_order && array.shape.size() > 1) to_c_order(array, *elements);
  return array;
}

std::string format_npy(const Array& array) {
  static_assert(std::endian::native == std::endian::little,
                "the header written here says little-endian");
  const std::string shape = array.shape.size() == 1
                                ? fmt::format("({},)", array.shape[0])
                                : fmt::format("({})", fmt::join(array.shape, ", "));
  std::string header = fmt::format("{{'descr': '{}', 'fortran_order': False, 'shape': {}, }}",
                                   code_of(array.type), shape);
  constexpr std::size_t prefix = 10;
  constexpr std::size_t alignment = 64;
  header.append(alignment - (prefix + header.size() + 1) % alignment, ' ');
  header += '\n';
  std::string out(magic);
  out += '\x01';
  out += '\x00';
  out += static_cast<char>(header.size() & 0xff);
  out += static_cast<char>(header.size() >> 8);
  out += header;
  out.append(reinterpret_cast<const char*>(array.bytes.data()), array.bytes.size());
  return out;
}

namespace {

FormatKind npy_kind() {
  FormatKind kind;
  kind.name = "npy";
  kind.doc = "an array of NumPy's";
  kind.title = "NPY";
  kind.holds = Holds::array;
  kind.endings = {".npy"};
  kind.marks = {std::string(magic)};
  kind.array = [](const Content& file) { return parse_npy(file.bytes, file.name, file.owner); };
  return kind;
}

const schema::Registered npy_format(formats(), npy_kind());

}  // namespace

}  // namespace convoy
