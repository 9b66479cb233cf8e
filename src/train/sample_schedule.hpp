#pragma once
// Which samples a lane gets in a step.
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <vector>

#include "convoy/lanes/order.hpp"

namespace convoy {

/// A function of (seed, step, lane) alone. Thread-safe; keeps the orders of the epochs in use.
class SampleSchedule {
 public:
  struct Options {
    std::int64_t samples = 0;  ///< in the training split
    std::int64_t batch = 0;    ///< global batch
    std::int64_t lanes = 0;
    std::uint64_t seed = 0;
    bool shuffled = true;
    bool cyclic = false;  ///< how a batch is dealt to lanes
    bool drop_last = false;
  };
  explicit SampleSchedule(const Options& options);

  std::int64_t steps_per_epoch() const { return plan_.steps_per_epoch(); }
  std::int64_t batch_size(std::int64_t step) const { return plan_.place(step).size; }
  BatchPlace place(std::int64_t step) const { return plan_.place(step); }
  std::vector<std::int64_t> lane_samples(std::int64_t step, std::int64_t lane) const;

 private:
  using Order = std::shared_ptr<const std::vector<std::int64_t>>;
  Order order(std::int64_t epoch) const;

  Options options_;
  BatchPlan plan_;
  mutable std::mutex mutex_;
  mutable std::map<std::int64_t, Order> orders_;
};

}  // namespace convoy
