#pragma once
// Text of others within messages of one line.
#include <string>
#include <string_view>

namespace convoy::schema {

/// Control characters escaped.
std::string one_line(std::string_view text);

/// A value as it may stand in a one-line message: in single quotes, control characters escaped, at
/// most 60 bytes.
std::string quote(std::string_view text);

}  // namespace convoy::schema
