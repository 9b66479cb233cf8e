// Lanes move from slow owners to fast ones: between workers, and between the replicas of a worker.
#include <algorithm>

#include "train/trainer_impl.hpp"

namespace convoy {
namespace {

std::vector<std::int64_t> sizes_of(const std::vector<Range>& ranges) {
  std::vector<std::int64_t> sizes;
  for (const Range& range : ranges) sizes.push_back(range.size());
  return sizes;
}

}  // namespace

// The ownership as it is now; what was measured before is forgotten.
void Trainer::Impl::start_worker_balancing(const std::vector<int>& parallel) {
  worker_balancer_.reset();
  // Compressed sums, and steps of its own, depend on which lanes a worker has.
  if (compressed() || own_steps()) return;
  if (team_ && lanes_ >= workers()) worker_balancer_.emplace(sizes_of(worker_lanes_), parallel);
}

void Trainer::Impl::start_replica_balancing() {
  const Range own = worker_lanes_[worker()];
  std::vector<Range> parts;
  for (int r = 0; r < pool_.size(); ++r) parts.push_back(even_part(own.size(), pool_.size(), r));
  replica_counts_ = sizes_of(parts);
  if (pool_.size() > 1 && own.size() >= pool_.size())
    replica_balancer_.emplace(replica_counts_, std::vector<int>(replicas_.size(), 1));
  else
    replica_balancer_.reset();
}

// After a step, with what all workers know of it. The same decision everywhere.
void Trainer::Impl::balance(const StepNews& news) {
  // By column most of the work is that of features, which do not move.
  if (!job_.strategy.balance || columns_) return;
  if (replica_balancer_) {
    if (const auto counts = replica_balancer_->add(replica_seconds_)) {
      replica_counts_ = *counts;
      own_lanes();
    }
  }
  if (!worker_balancer_ || !team_ || team_->tuning()) return;
  if (!parallel_known_) {  // how many replicas the others have is news of the first step
    parallel_known_ = true;
    start_worker_balancing(news.replicas);
  }
  if (const auto counts = worker_balancer_->add(news.compute_seconds))
    move_lanes(*counts, worker_balancer_->imbalance_before_move());
}

void Trainer::Impl::move_lanes(const std::vector<std::int64_t>& counts, double imbalance_before) {
  worker_lanes_ = ownership_of(counts);
  build_reduction();
  start_replica_balancing();
  own_lanes();
  emit_lanes("lane times", imbalance_before, 0);
}

void Trainer::Impl::emit_lanes(const char* reason, double before, double after) {
  Json moved = event("moved");
  moved["lanes"] = Json::array();
  for (std::size_t w = 0; w < worker_lanes_.size(); ++w) {
    const int number =
        options_.membership != nullptr ? generation_.members[w].worker : static_cast<int>(w);
    moved["lanes"].push_back({number, 0, worker_lanes_[w].begin, worker_lanes_[w].size()});
  }
  if (before > 0) moved["imbalance_before"] = before;
  if (after > 0) moved["imbalance_after"] = after;
  moved["reason"] = reason;
  emit(moved);
}

// Of the last step: who was slow, and who owns how much; null where this group has taken none yet.
Trainer::Impl::Json Trainer::Impl::balance_json() const {
  const std::vector<double>& seconds = step_team() != nullptr ? worker_seconds_ : replica_seconds_;
  double sum = 0;
  double longest = 0;
  for (const double value : seconds) {
    sum += value;
    longest = std::max(longest, value);
  }
  if (sum <= 0) return {};
  const std::vector<std::int64_t> lanes =
      step_team() != nullptr ? sizes_of(worker_lanes_) : replica_counts_;
  Json lane_seconds = Json::array();
  for (std::size_t k = 0; k < seconds.size(); ++k) {
    lane_seconds.push_back(lanes[k] == 0 ? 0.0 : seconds[k] / static_cast<double>(lanes[k]));
  }
  return {{"imbalance", longest * static_cast<double>(seconds.size()) / sum},
          {"lanes", lanes},
          {"lane_seconds", lane_seconds}};
}

}  // namespace convoy
