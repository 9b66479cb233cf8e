#pragma once
// Sums over the training rows, shared between workers, whose bits depend on the rows alone.
#include <functional>
#include <span>
#include <vector>

#include "convoy/core/peers.hpp"
#include "convoy/lanes/lane.hpp"

#pragma GCC visibility push(default)

namespace convoy {

/// The training rows, in the order of the split, are cut into this many contiguous segments of even
/// size, whatever the number of workers. Each is added up from front to back, and the segments
/// along the reduction tree (lanes/tree), as lanes are: so who took which segment cannot be seen in
/// the result. 256 give each of 8 to 16 workers an even share (11 workers: 23 or 24 segments), and
/// adding in 256 parts rounds less than adding in one. A worker sends the sums of the O(log 256)
/// whole subtrees it owns, one where the number of workers is a power of two.
constexpr std::int64_t segment_count = 256;

/// The positions in the training split that this worker takes: those of its segments, which are a
/// contiguous range. All of them without peers.
Range own_positions(std::int64_t rows, const Peers* peers);

/// What is added up: an array of `width` doubles.
struct RowSum {
  std::size_t width = 0;
  /// Fills in what the rows at these positions (perhaps none) add up to.
  std::function<void(Range positions, std::span<double> partial)> take;
  /// left += right. Called in a fixed order; need be neither associative nor commutative.
  std::function<void(std::span<double> left, std::span<const double> right)> add;
};

/// Collective: one all_gather. The sum over `rows` rows, the same bits on every worker and for any
/// number of workers. Throws InputError when workers disagree on the width, and as `gather` does.
std::vector<double> reduce_rows(std::int64_t rows, const RowSum& sum, Peers* peers);

}  // namespace convoy

#pragma GCC visibility pop
