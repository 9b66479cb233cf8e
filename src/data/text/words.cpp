#include "data/text/words.hpp"

#include <algorithm>

namespace convoy {
namespace {

enum class CharacterKind { space, letter, digit, other };

CharacterKind kind_of_character(char c) {
  if (c == ' ' || (c >= '\t' && c <= '\r')) return CharacterKind::space;
  if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || static_cast<unsigned char>(c) >= 0x80)
    return CharacterKind::letter;
  if (c >= '0' && c <= '9') return CharacterKind::digit;
  return CharacterKind::other;
}

}  // namespace

std::size_t word_length(std::string_view text) {
  const std::size_t end = std::min(text.size(), longest_word);
  std::size_t i = 0;
  // One blank belongs to what follows it.
  if (text[0] == ' ' && end > 1 && kind_of_character(text[1]) != CharacterKind::space) i = 1;
  const CharacterKind kind = kind_of_character(text[i]);
  while (i < end && kind_of_character(text[i]) == kind) ++i;
  // The last blank of several belongs to the word after them.
  if (kind == CharacterKind::space && i > 1 && i < text.size() && text[i - 1] == ' ' &&
      kind_of_character(text[i]) != CharacterKind::space)
    --i;
  return i;
}

std::size_t next_word(std::string_view text, std::size_t at) {
  for (std::size_t i = std::max<std::size_t>(at, 1); i + 1 < text.size(); ++i) {
    const bool new_line = text[i - 1] == '\n' && kind_of_character(text[i]) != CharacterKind::space;
    const bool blank = text[i] == ' ' && kind_of_character(text[i - 1]) != CharacterKind::space &&
                       kind_of_character(text[i + 1]) != CharacterKind::space;
    if (new_line || blank) return i;
  }
  return text.size();
}

std::vector<std::string_view> cut_between_words(std::string_view text, std::size_t parts) {
  std::vector<std::string_view> pieces;
  std::size_t begin = 0;
  for (std::size_t part = 1; part <= parts && begin < text.size(); ++part) {
    const std::size_t wanted = text.size() / parts * part;
    const std::size_t end = part == parts ? text.size() : std::max(begin, next_word(text, wanted));
    if (end > begin) pieces.push_back(text.substr(begin, end - begin));
    begin = end;
  }
  return pieces;
}

}  // namespace convoy
