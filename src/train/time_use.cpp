#include "train/time_use.hpp"

#include <numeric>

namespace convoy {

TimeUse::Clock::time_point TimeUse::add(Activity activity, Clock::time_point since) {
  const Clock::time_point now = Clock::now();
  add_seconds(activity, std::chrono::duration<double>(now - since).count());
  if (track_ != nullptr) {
    track_->add(activity_names[static_cast<std::size_t>(activity)], since, now, step_, lane_,
                lane_ < 0 ? nullptr : "lane");
  }
  return now;
}

double TimeUse::total() const {
  return std::accumulate(seconds_.begin(), seconds_.end(), 0.0);
}

}  // namespace convoy
