#pragma once
// Message authentication codes.
#include <cstddef>
#include <initializer_list>
#include <string>
#include <string_view>

namespace convoy {

constexpr std::size_t hmac_size = 32;

/// HMAC-SHA256 (RFC 2104) over the pieces one after the other: `hmac_size` bytes.
std::string hmac(std::string_view key, std::initializer_list<std::string_view> pieces);

/// Whether they are the same, in a time that does not tell where they differ.
bool equal(std::string_view a, std::string_view b);

}  // namespace convoy
