#pragma once
#include <optional>

namespace convoy {

/// A number in the environment, not negative; nothing if it is not set. Throws InputError.
std::optional<int> number_in(const char* variable);

}  // namespace convoy
