#pragma once
// Text in one way of writing it.
#include <string>
#include <string_view>

namespace convoy::steps {

/// Lower case, without blanks at the ends, one space for several blanks and line ends within,
/// without control characters. Letters that have a lower case are those of ASCII, Latin-1, Latin
/// Extended-A, Greek and Cyrillic; others stay as they are, whatever the locale. `text` is UTF-8;
/// bytes that are not stay as they are too.
std::string clean_text(std::string_view text);

}  // namespace convoy::steps
