#pragma once
// Names of files, as far as they say something about formats.
#include <string>
#include <string_view>

namespace convoy {

struct Content;

/// The file's name in small letters, without what says how it is compressed.
std::string unpacked_name(std::string_view path);

/// Whether the file could be a text: there is no NUL in it, or its name says so.
bool looks_like_text(const Content& content);

}  // namespace convoy
