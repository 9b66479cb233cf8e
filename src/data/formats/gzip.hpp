#pragma once
// gzip (RFC 1952), recognised by content.
#include <cstddef>
#include <span>
#include <string>
#include <vector>

namespace convoy {

/// A compressed file that unpacks to more than this is refused: it would not fit the memory of most
/// machines.
inline constexpr std::size_t largest_unpacked = std::size_t{16} << 30;

bool is_gzip(std::span<const std::byte> bytes);

/// Unpacks every member. Throws DataError when the data is damaged, cut short or unpacks to more
/// than `limit` bytes.
std::vector<std::byte> unpack_gzip(std::span<const std::byte> bytes, const std::string& name,
                                   std::size_t limit = largest_unpacked);

}  // namespace convoy
