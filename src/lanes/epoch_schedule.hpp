#pragma once
// Schedules of epochs that are put in order, cut into batches and dealt to lanes.
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <utility>
#include <vector>

#include "convoy/lanes/order.hpp"
#include "convoy/lanes/sample_schedule.hpp"
#include "convoy/lanes/value_lanes.hpp"
#include "lanes/size_batches.hpp"

namespace convoy {

/// By row, value or size. Keeps the orders of the epochs in use.
class EpochSchedule final : public SampleSchedule {
 public:
  struct Options {
    std::int64_t samples = 0;  ///< in the training split
    std::int64_t batch = 0;    ///< global batch
    std::int64_t lanes = 0;
    std::uint64_t seed = 0;
    bool shuffled = true;
    std::int64_t block = 1;  ///< shuffled by row: neighbours that stay together (BlockOrder)
    bool cyclic = false;     ///< by row: how a batch is dealt to lanes
    bool drop_last = false;
    const SampleValues* values = nullptr;  ///< by value, size: only looked at by the constructor
    ValueAssignment assignment = ValueAssignment::stratified;
    std::int64_t tokens = 0;  ///< by size: of a batch at most; else 0
    std::int64_t bucket = 1;  ///< by size
  };
  explicit EpochSchedule(const Options& options);

  bool has_even_lanes() const override { return !by_value_; }
  std::int64_t steps_per_epoch() const override {
    return by_size_ ? by_size_->steps() : plan_.steps_per_epoch();
  }
  /// The samples of a step. By value it varies a little, by size much; it is never 0, as a batch
  /// has at least a sample for each lane on average (by size: one).
  std::int64_t batch_size(std::int64_t step) const override;
  std::int64_t lane_size(std::int64_t step, std::int64_t lane) const override;
  std::vector<std::int64_t> lane_samples(std::int64_t step, std::int64_t lane) const override;
  std::vector<Range> next_blocks(std::int64_t step) const override;

 private:
  using Epoch = std::shared_ptr<const SizeBatches::Epoch>;
  Epoch epoch(std::int64_t number) const;
  SizeBatches::Epoch make_epoch(std::int64_t number) const;
  Range batch(std::int64_t step) const;
  using Order = std::shared_ptr<const std::vector<std::int64_t>>;
  bool in_blocks() const {
    return options_.shuffled && options_.block > 1 && !by_value_ && !by_size_;
  }
  std::shared_ptr<const BlockOrder> block_order(std::int64_t epoch) const;
  Order window(const BlockOrder& blocks, std::int64_t epoch, std::int64_t window) const;
  void take_from_blocks(std::int64_t epoch, std::vector<std::int64_t>& positions) const;

  Options options_;
  BatchPlan plan_;
  std::optional<ValueLanes> by_value_;
  std::optional<SizeBatches> by_size_;
  mutable std::mutex mutex_;
  mutable std::map<std::int64_t, Epoch> epochs_;
  mutable std::map<std::int64_t, std::shared_ptr<const BlockOrder>> block_orders_;
  mutable std::map<std::pair<std::int64_t, std::int64_t>, Order> windows_;  // by epoch and number
};

}  // namespace convoy
