#include "data/preprocess/steps/clean.hpp"

#include <cstdint>

namespace convoy::steps {
namespace {

bool is_within(char32_t c, char32_t low, char32_t high) {
  return low <= c && c <= high;
}

char32_t lower(char32_t c) {
  if (is_within(c, 'A', 'Z')) return c + 32;
  if (is_within(c, 0xC0, 0xDE)) return c == 0xD7 ? c : c + 32;  // Latin-1 but the times sign
  // Latin Extended-A: pairs of an upper and a lower case letter, the upper one even or odd. U+0130
  // becomes a plain i, U+0178 is in Latin-1 below.
  if (c == 0x130) return 'i';
  if (c == 0x178) return 0xFF;
  if (is_within(c, 0x100, 0x137) || is_within(c, 0x14A, 0x177)) return c | 1;
  if (is_within(c, 0x139, 0x148) || is_within(c, 0x179, 0x17E)) return c % 2 ? c + 1 : c;
  if (is_within(c, 0x391, 0x3AB) && c != 0x3A2) return c + 32;  // Greek
  if (c == 0x386) return 0x3AC;
  if (is_within(c, 0x388, 0x38A)) return c + 37;
  if (c == 0x38C) return 0x3CC;
  if (is_within(c, 0x38E, 0x38F)) return c + 63;
  if (is_within(c, 0x410, 0x42F)) return c + 32;  // Cyrillic
  if (is_within(c, 0x400, 0x40F)) return c + 80;
  if (is_within(c, 0x460, 0x481) || is_within(c, 0x48A, 0x4BF) || is_within(c, 0x4D0, 0x52F))
    return c | 1;
  if (c == 0x4C0) return 0x4CF;
  if (is_within(c, 0x4C1, 0x4CE)) return c % 2 ? c + 1 : c;
  return c;
}

/// Unicode's White_Space.
bool is_blank(char32_t c) {
  return is_within(c, 0x09, 0x0D) || c == ' ' || c == 0x85 || c == 0xA0 || c == 0x1680 ||
         is_within(c, 0x2000, 0x200A) || c == 0x2028 || c == 0x2029 || c == 0x202F || c == 0x205F ||
         c == 0x3000;
}

bool is_control(char32_t c) {
  return c < 0x20 || is_within(c, 0x7F, 0x9F) || c == 0xFEFF;  // and a byte order mark
}

/// The code point at the beginning of `text`, and how many bytes it takes; 0 bytes where there is
/// none of up to three bytes (longer ones have no case here).
char32_t decode(std::string_view text, std::size_t& size) {
  const auto byte = [&](std::size_t i) -> char32_t {
    return i < text.size() ? static_cast<unsigned char>(text[i]) : 0;
  };
  const auto tail = [&](std::size_t i) { return (byte(i) & 0xC0) == 0x80; };
  size = 1;
  if (byte(0) < 0x80) return byte(0);
  if (is_within(byte(0), 0xC2, 0xDF) && tail(1)) {
    size = 2;
    return (byte(0) & 0x1F) << 6 | (byte(1) & 0x3F);
  }
  if ((byte(0) & 0xF0) == 0xE0 && tail(1) && tail(2)) {
    size = 3;
    return (byte(0) & 0x0F) << 12 | (byte(1) & 0x3F) << 6 | (byte(2) & 0x3F);
  }
  size = 0;
  return 0;
}

void append(std::string& out, char32_t c) {
  if (c < 0x80) {
    out += static_cast<char>(c);
  } else if (c < 0x800) {
    out += static_cast<char>(0xC0 | c >> 6);
    out += static_cast<char>(0x80 | (c & 0x3F));
  } else {
    out += static_cast<char>(0xE0 | c >> 12);
    out += static_cast<char>(0x80 | (c >> 6 & 0x3F));
    out += static_cast<char>(0x80 | (c & 0x3F));
  }
}

}  // namespace

std::string clean_text(std::string_view text) {
  std::string out;
  bool space = false;  // blanks were seen after what is in `out`
  while (!text.empty()) {
    std::size_t size = 0;
    const char32_t c = decode(text, size);
    if (size > 0 && is_blank(c)) {
      space = !out.empty();
    } else if (size == 0 || !is_control(c)) {
      if (space) out += ' ';
      space = false;
      if (size > 0)
        append(out, lower(c));
      else
        out += text[0];
    }
    text.remove_prefix(size == 0 ? 1 : size);
  }
  return out;
}

}  // namespace convoy::steps
