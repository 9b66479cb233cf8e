#pragma once
// Files that hold several arrays, each with a name.
#include <string>
#include <vector>

namespace convoy {

/// Which of the arrays `names` of `file` is meant by `wanted`, or by nothing if there is only one.
/// Throws InputError that lists what is there, DataError when there is none.
std::size_t choose_array(const std::vector<std::string>& names, const std::string& wanted,
                         const std::string& file);

}  // namespace convoy
