#pragma once
// Which samples a lane gets in a step: what a partitioner makes (convoy/data/partition/
// partitioner.hpp). No libtorch in this header.
#include <cstdint>
#include <vector>

#include "convoy/lanes/lane.hpp"

#pragma GCC visibility push(default)

namespace convoy {

/// A function of (seed, step, lane) alone, and of what the samples are partitioned by: never of who
/// computes the lane, nor of what was asked before. Thread-safe.
class SampleSchedule {
 public:
  /// Of so many lanes.
  explicit SampleSchedule(std::int64_t lanes) : lanes_(lanes) {}
  virtual ~SampleSchedule() = default;

  std::int64_t lanes() const { return lanes_; }
  /// 1 or more; the same for each epoch.
  virtual std::int64_t steps_per_epoch() const = 0;
  /// Numbers of samples of the training split; may be none, but a step's lanes have some together.
  /// `step` >= 0, from the beginning of the run.
  virtual std::vector<std::int64_t> lane_samples(std::int64_t step, std::int64_t lane) const = 0;
  /// How many they are.
  virtual std::int64_t lane_size(std::int64_t step, std::int64_t lane) const {
    return static_cast<std::int64_t>(lane_samples(step, lane).size());
  }
  /// The samples of a step, over all lanes; never 0.
  virtual std::int64_t batch_size(std::int64_t step) const {
    std::int64_t samples = 0;
    for (std::int64_t lane = 0; lane < lanes_; ++lane) samples += lane_size(step, lane);
    return samples;
  }
  /// The first lane that has any.
  std::int64_t first_lane(std::int64_t step) const {
    std::int64_t lane = 0;
    while (lane + 1 < lanes_ && lane_size(step, lane) == 0) ++lane;
    return lane;
  }
  /// Whether the lanes of a step have as many samples as each other, or one less.
  virtual bool has_even_lanes() const { return false; }

  /// Where neighbouring samples are read together: the ranges of samples that steps after this one
  /// begin with, told at the first step that reads from those before them; else none.
  virtual std::vector<Range> next_blocks(std::int64_t /*step*/) const { return {}; }

 private:
  std::int64_t lanes_;
};

}  // namespace convoy

#pragma GCC visibility pop
