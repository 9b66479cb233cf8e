#pragma once
// Names of files, as far as they say something about formats.
#include <string>
#include <string_view>

namespace convoy {

/// The file's name in small letters, without what says how it is compressed.
std::string unpacked_name(std::string_view path);

}  // namespace convoy
