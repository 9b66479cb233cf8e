#pragma once
// Zstandard (RFC 8878), recognised by content.
#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include "data/formats/gzip.hpp"

namespace convoy {

bool is_zstd(std::span<const std::byte> bytes);

/// Unpacks every frame. Throws DataError when the data is damaged, cut short, unpacks to more than
/// `limit` bytes or needs a window of more than 128 MiB.
std::vector<std::byte> unpack_zstd(std::span<const std::byte> bytes, const std::string& name,
                                   std::size_t limit = largest_unpacked);

}  // namespace convoy
