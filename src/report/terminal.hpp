#pragma once
// What the terminal can show.
#include <cstdio>

#pragma GCC visibility push(default)  // not public: the command, a library of its own, calls it

namespace convoy {

/// Whether a person may be watching this stream, on a terminal that can move its cursor.
bool is_terminal(std::FILE* stream);

/// Whether the locale (LC_ALL, LC_CTYPE, LANG) has UTF-8.
bool locale_is_utf8();

}  // namespace convoy

#pragma GCC visibility pop
