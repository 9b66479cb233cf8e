#include "engine/time_use.hpp"

#include <numeric>

namespace convoy {

TimeUse::Clock::time_point TimeUse::add(Activity activity, Clock::time_point since) {
  const Clock::time_point now = Clock::now();
  add_seconds(activity, std::chrono::duration<double>(now - since).count());
  if (track_ != nullptr) {
    if (end_ != Clock::time_point{} && since > end_) track_->add("wait", end_, since, step_);
    end_ = now;
    track_->add(activity_names[static_cast<std::size_t>(activity)], since, now, step_, lane_,
                lane_ < 0 ? nullptr : "lane");
  }
  return now;
}

void TimeUse::other(const char* name, Clock::time_point since) {
  if (track_ == nullptr) return;
  const Clock::time_point now = Clock::now();
  if (name != nullptr) track_->add(name, since, now, step_);
  end_ = now;
}

double TimeUse::total() const {
  return std::accumulate(seconds_.begin(), seconds_.end(), 0.0);
}

}  // namespace convoy
