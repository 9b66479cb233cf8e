#pragma once
// Which samples a lane gets in a step.
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <vector>

#include "convoy/lanes/order.hpp"
#include "convoy/lanes/value_lanes.hpp"
#include "lanes/size_batches.hpp"

namespace convoy {

/// A function of (seed, step, lane) alone, and, by value or size, of the samples' values.
/// Thread-safe; keeps the orders of the epochs in use.
class SampleSchedule {
 public:
  struct Options {
    std::int64_t samples = 0;  ///< in the training split
    std::int64_t batch = 0;    ///< global batch
    std::int64_t lanes = 0;
    std::uint64_t seed = 0;
    bool shuffled = true;
    bool cyclic = false;  ///< by row: how a batch is dealt to lanes
    bool drop_last = false;
    const SampleValues* values = nullptr;  ///< by value, size: only looked at by the constructor
    ValueAssignment assignment = ValueAssignment::stratified;
    std::int64_t tokens = 0;  ///< by size: of a batch at most; else 0
    std::int64_t bucket = 1;  ///< by size
  };
  explicit SampleSchedule(const Options& options);

  bool by_value() const { return by_value_.has_value(); }
  std::int64_t steps_per_epoch() const {
    return by_size_ ? by_size_->steps() : plan_.steps_per_epoch();
  }
  /// The samples of a step. By value it varies a little, by size much; it is never 0, as a batch
  /// has at least a sample for each lane on average (by size: one).
  std::int64_t batch_size(std::int64_t step) const;
  /// How many of them are a lane's; may be 0.
  std::int64_t lane_size(std::int64_t step, std::int64_t lane) const;
  /// The first lane that has any.
  std::int64_t first_lane(std::int64_t step) const;
  std::vector<std::int64_t> lane_samples(std::int64_t step, std::int64_t lane) const;

 private:
  using Epoch = std::shared_ptr<const SizeBatches::Epoch>;
  Epoch epoch(std::int64_t number) const;
  SizeBatches::Epoch make_epoch(std::int64_t number) const;
  Range batch(std::int64_t step) const;

  Options options_;
  BatchPlan plan_;
  std::optional<ValueLanes> by_value_;
  std::optional<SizeBatches> by_size_;
  mutable std::mutex mutex_;
  mutable std::map<std::int64_t, Epoch> epochs_;
};

}  // namespace convoy
