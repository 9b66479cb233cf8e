#pragma once
// Which samples make up which global batch. Depends on the seed, the epoch and the job alone. Pure;
// thread-safe.
#include <cstdint>
#include <vector>

#include "convoy/lanes/lane.hpp"

#pragma GCC visibility push(default)

namespace convoy {

/// The order in which an epoch visits samples 0 .. count-1: a Fisher-Yates shuffle by (seed,
/// epoch), or ascending.
std::vector<std::int64_t> epoch_order(std::int64_t count, std::uint64_t seed, std::int64_t epoch,
                                      bool shuffled);

/// An order of an epoch that reads neighbouring samples together, for data that are larger than
/// memory. Samples are cut into blocks of `block` neighbours (the last one may be shorter). The
/// blocks are shuffled (Fisher-Yates by seed and epoch); each `blocks_of_window` successive ones
/// are a window, whose samples are shuffled together. So it depends on seed, epoch, `block` and the
/// number of samples alone. Takes 8 bytes a block.
class BlockOrder {
 public:
  static constexpr std::int64_t blocks_of_window = 16;

  /// Requires count >= 0 and block >= 1.
  BlockOrder(std::int64_t count, std::int64_t block, std::uint64_t seed, std::int64_t epoch);

  std::int64_t windows() const;
  /// The positions of the epoch that a window has.
  Range positions(std::int64_t window) const;
  /// The window that has this position, which must be one of the epoch's.
  std::int64_t window_of(std::int64_t position) const;
  /// The blocks of a window, as ranges of samples.
  std::vector<Range> blocks(std::int64_t window) const;
  /// The samples at the positions of a window. Takes 8 bytes for each.
  std::vector<std::int64_t> samples(std::int64_t window) const;

 private:
  std::int64_t begin_of(std::int64_t window) const;

  std::int64_t count_;
  std::int64_t block_;
  std::uint64_t seed_;
  std::int64_t epoch_;
  std::vector<std::int64_t> order_;  // of the blocks
  std::int64_t short_at_ = 0;        // where in the order the last block is, which may be short
};

/// Where a step's global batch lies: samples [offset, offset + size) of the order of epoch `epoch`.
struct BatchPlace {
  std::int64_t epoch = 0;
  std::int64_t offset = 0;
  std::int64_t size = 0;
};

/// Cuts epochs into global batches.
class BatchPlan {
 public:
  /// `samples` > 0 a epoch, `batch` > 0 a step; the short batch at an epoch's end is kept or
  /// dropped.
  BatchPlan(std::int64_t samples, std::int64_t batch, bool drop_last);
  std::int64_t steps_per_epoch() const { return steps_per_epoch_; }
  BatchPlace place(std::int64_t step) const;

 private:
  std::int64_t samples_;
  std::int64_t batch_;
  std::int64_t steps_per_epoch_;
};

}  // namespace convoy

#pragma GCC visibility pop
