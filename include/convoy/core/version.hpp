#pragma once

#define CONVOY_VERSION "0.1.0"

#pragma GCC visibility push(default)

namespace convoy {
inline constexpr const char* version = CONVOY_VERSION;
}  // namespace convoy

#pragma GCC visibility pop
