#include "schema/quote.hpp"

#include <fmt/format.h>

namespace convoy::schema {

std::string one_line(std::string_view text) {
  std::string line;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20 || byte == 0x7f) {
      line += fmt::format("\\x{:02x}", byte);
    } else {
      line += c;
    }
  }
  return line;
}

std::string quote(std::string_view text) {
  constexpr std::size_t longest = 60;
  return fmt::format("'{}{}'", one_line(text.substr(0, longest)),
                     text.size() > longest ? "..." : "");
}

}  // namespace convoy::schema
