#pragma once
// Which samples make up which global batch. Depends on the seed, the epoch and the job alone. Pure;
// thread-safe.
#include <cstdint>
#include <vector>

namespace convoy {

/// The order in which an epoch visits samples 0 .. count-1: a Fisher-Yates shuffle by (seed,
/// epoch), or ascending.
std::vector<std::int64_t> epoch_order(std::int64_t count, std::uint64_t seed, std::int64_t epoch,
                                      bool shuffled);

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
