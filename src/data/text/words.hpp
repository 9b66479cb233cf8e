#pragma once
// The words of a text, within which byte-pair encoding merges.
#include <cstddef>
#include <string_view>
#include <vector>

namespace convoy {

/// No word is longer, so that a hostile text cannot make encoding slow.
inline constexpr std::size_t longest_word = 64;

/// The length of the word at the beginning of a text that is not empty: a blank and the letters
/// after it, or the digits, or the other characters; or white space. Bytes beyond ASCII count as
/// letters.
std::size_t word_length(std::string_view text);

/// Cuts a text into up to `parts` pieces of about the same size, between two words.
std::vector<std::string_view> cut_between_words(std::string_view text, std::size_t parts);

/// The first place at or after `at` where a word begins for certain; the text's end if there is
/// none.
std::size_t next_word(std::string_view text, std::size_t at);

}  // namespace convoy
