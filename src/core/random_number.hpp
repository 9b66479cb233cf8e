#pragma once
#include <cstdint>

namespace convoy {

/// From the system, good for names that nobody can guess. Throws IoError.
std::uint64_t random_number();

}  // namespace convoy
