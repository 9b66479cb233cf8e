#pragma once
// Arrays written as JSON: lists of lists of numbers.
#include <string>
#include <string_view>

#include "convoy/data/formats/formats.hpp"

namespace convoy {

/// The first character that is no blank and no byte order mark; NUL: there is none.
char first_of_json(std::string_view text);

/// Whether the text begins as a list of objects does.
bool is_json_list(std::string_view text);

/// Whether the text begins as a list of numbers, or of lists, does.
bool is_json_array(std::string_view text);

/// An array of i64, where all numbers are written as whole ones that fit, else of f64. Throws
/// DataError for anything but numbers, and lists that differ in length.
Array parse_json_array(std::string_view text, const std::string& name);

}  // namespace convoy
