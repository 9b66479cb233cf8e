#pragma once
// Where a replica's time goes.
#include <array>
#include <chrono>
#include <cstdint>

#include "convoy/core/trace.hpp"

namespace convoy {

enum class Activity { load, forward, backward, reduce, communicate, update, wait };
constexpr std::array<const char*, 7> activity_names = {
    "load", "forward", "backward", "reduce", "communicate", "update", "wait"};

/// Seconds by activity; one writer at a time. Also writes them on a track of the timeline.
class TimeUse {
 public:
  using Clock = std::chrono::steady_clock;
  /// Adds the time since `since` to an activity and returns now.
  Clock::time_point add(Activity activity, Clock::time_point since);
  void add_seconds(Activity activity, double seconds) {
    seconds_[static_cast<std::size_t>(activity)] += seconds;
  }
  double seconds(Activity activity) const { return seconds_[static_cast<std::size_t>(activity)]; }
  double total() const;

  /// From now on `add` writes there too, and what lies between two activities as waiting.
  void trace_on(Trace::Track* track) { track_ = track; }
  /// Something else than a step since `since`, until now: on the timeline only. A null name leaves
  /// a gap.
  void other(const char* name, Clock::time_point since);
  /// What the next activities belong to; -1: nothing.
  void at(std::int64_t step, std::int64_t lane = -1) {
    step_ = step;
    lane_ = lane;
  }

 private:
  std::array<double, activity_names.size()> seconds_{};
  Trace::Track* track_ = nullptr;
  std::int64_t step_ = -1;
  std::int64_t lane_ = -1;
  Clock::time_point end_{};  // of the last activity on the timeline
};

}  // namespace convoy
