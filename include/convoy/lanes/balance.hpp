#pragma once
// Who should own how many lanes, so that all owners are done at about the same time. Pure; what is
// decided depends on the measured times alone, so all who see the same times decide the same.
#include <cstdint>
#include <deque>
#include <optional>
#include <vector>

#include "convoy/lanes/lane.hpp"

#pragma GCC visibility push(default)

namespace convoy {

/// Contiguous ranges of so many lanes each, in order.
std::vector<Range> ownership_of(const std::vector<std::int64_t>& counts);

/// Divides `lanes` so that the slowest owner is done as early as can be. Owner k needs
/// `lane_seconds[k]` for a lane and computes `parallel[k]` of them at a time. Everybody keeps a
/// lane, if there are enough: without one its speed would not be known any more.
std::vector<std::int64_t> balanced_counts(std::int64_t lanes,
                                          const std::vector<double>& lane_seconds,
                                          const std::vector<int>& parallel);

/// Watches how long owners need for their lanes, step by step, and says when lanes should move.
/// Medians of the steps since the last move and a threshold keep noise out; moves that follow each
/// other closely make it watch longer and longer before the next, so that it does not oscillate.
class LaneBalancer {
 public:
  /// `parallel`: by owner.
  LaneBalancer(std::vector<std::int64_t> counts, std::vector<int> parallel);

  /// The seconds that each owner needed for its lanes in a step. When a move is worth it, the new
  /// counts: they hold from the next step on.
  std::optional<std::vector<std::int64_t>> add(const std::vector<double>& seconds);

  const std::vector<std::int64_t>& counts() const { return counts_; }
  /// The slowest owner's time by the mean, of the last steps; with other counts as they would be.
  double imbalance() const { return imbalance_of(counts_); }
  double imbalance_of(const std::vector<std::int64_t>& counts) const;
  /// What it was when lanes moved the last time, just before.
  double imbalance_before_move() const { return before_move_; }

 private:
  std::vector<double> lane_seconds() const;
  std::vector<double> predicted(const std::vector<std::int64_t>& counts) const;

  std::vector<std::int64_t> counts_;
  std::vector<int> parallel_;
  std::deque<std::vector<double>> recent_;  // seconds of a lane, by owner
  std::int64_t since_move_ = 0;             // steps
  std::int64_t patience_;                   // steps before the next move
  double before_move_ = 1;
};

}  // namespace convoy

#pragma GCC visibility pop
