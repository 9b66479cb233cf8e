#pragma once
// "Did you mean ...?"
#include <string>
#include <string_view>
#include <vector>

#pragma GCC visibility push(default)  // not public: the command, a library of its own, calls it

namespace convoy::schema {

/// Insertions, deletions, replacements and swaps of neighbours that turn one word into the other
/// (the restricted Damerau-Levenshtein distance).
std::size_t edit_distance(std::string_view a, std::string_view b);

/// The candidate that was probably meant by `word`, or an empty string.
std::string nearest(std::string_view word, const std::vector<std::string>& candidates);

}  // namespace convoy::schema

#pragma GCC visibility pop
