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

namespace convoy {

/// A function of (seed, step, lane) alone, and, by value, of the samples' values. Thread-safe;
/// keeps the orders of the epochs in use.
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
    const SampleValues* values = nullptr;  ///< by value: only looked at by the constructor
    ValueAssignment assignment = ValueAssignment::stratified;
  };
  explicit SampleSchedule(const Options& options);

  bool by_value() const { return by_value_.has_value(); }
  std::int64_t steps_per_epoch() const { return plan_.steps_per_epoch(); }
  /// The samples of a step. By value it varies a little; it is never 0, as a batch has at least a
  /// sample for each lane on average.
  std::int64_t batch_size(std::int64_t step) const;
  /// How many of them are a lane's; may be 0.
  std::int64_t lane_size(std::int64_t step, std::int64_t lane) const;
  /// The first lane that has any.
  std::int64_t first_lane(std::int64_t step) const;
  std::vector<std::int64_t> lane_samples(std::int64_t step, std::int64_t lane) const;

 private:
  using Order = std::shared_ptr<const std::vector<std::int64_t>>;
  Order order(std::int64_t epoch) const;

  Options options_;
  BatchPlan plan_;
  std::optional<ValueLanes> by_value_;
  mutable std::mutex mutex_;
  mutable std::map<std::int64_t, Order> orders_;
};

}  // namespace convoy
