#pragma once
// What the name of a file of data says about its format.
#include <string_view>

namespace convoy {

/// As data.format names it: "csv", "npz"...; empty when the name does not tell. Whether letters are
/// small or capital does not count, nor do .gz and .zst at the end.
std::string_view format_of_name(std::string_view path);

}  // namespace convoy
