#pragma once
// Lanes: fixed slices of every global batch, and who owns which. Pure functions; thread-safe.
#include <cstdint>
#include <vector>

#pragma GCC visibility push(default)

namespace convoy {

/// Half-open range of lane numbers, or of positions in a batch.
struct Range {
  std::int64_t begin = 0;
  std::int64_t end = 0;
  std::int64_t size() const { return end - begin; }
  bool empty() const { return end <= begin; }
  bool operator==(const Range&) const = default;
};

/// Part `part` of `count` things cut into `parts` contiguous ranges whose sizes differ by at most
/// one. Requires 0 <= part < parts.
Range even_part(std::int64_t count, std::int64_t parts, std::int64_t part);

/// The ownership map: owner r of `owners` owns the lanes of element r, a contiguous range, in
/// order. With more owners than lanes the last ones own nothing.
std::vector<Range> even_ownership(std::int64_t lanes, std::int64_t owners);

/// The positions within a global batch of `batch` samples that lane `lane` of `lanes` gets. It
/// depends on these numbers alone, never on who owns the lane. `cyclic` deals samples round-robin
/// instead of in contiguous slices.
std::vector<std::int64_t> lane_positions(std::int64_t batch, std::int64_t lanes, std::int64_t lane,
                                         bool cyclic);

}  // namespace convoy

#pragma GCC visibility pop
