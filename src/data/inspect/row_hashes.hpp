#pragma once
// Samples with the same features, found by a 64-bit hash of each.
#include <cstdint>
#include <span>
#include <vector>

#include "convoy/lanes/lane.hpp"
#include "data/splits/source.hpp"

namespace convoy {

/// Writes the hashes of these rows' features to their places in `hashes`. Equal features have equal
/// hashes in every file, whatever order its categories have.
void hash_rows(const Source& source, Range rows, std::span<std::uint64_t> hashes);

/// How many of the rows have the hash of an earlier one.
std::int64_t count_duplicates(std::span<const std::uint64_t> hashes,
                              std::span<const std::int64_t> rows);

/// Of some rows, the hashes in ascending order.
std::vector<std::uint64_t> sorted_hashes(std::span<const std::uint64_t> hashes,
                                         std::span<const std::int64_t> rows);

/// How many hashes of `some` are among `others`. Both ascend.
std::int64_t count_common(std::span<const std::uint64_t> some,
                          std::span<const std::uint64_t> others);

}  // namespace convoy
