#include "convoy/lanes/balance.hpp"

#include <algorithm>
#include <numeric>

namespace convoy {
namespace {

constexpr std::int64_t least_patience = 5;  // steps between moves
constexpr std::int64_t most_patience = 320;
constexpr std::int64_t longest_window = 80;  // steps that a speed is the median of
constexpr double worth_moving = 0.9;         // of the time as it is

// Lanes that an owner computes one after the other.
std::int64_t rounds(std::int64_t lanes, int parallel) {
  return (lanes + parallel - 1) / parallel;
}

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

}  // namespace

std::vector<Range> ownership_of(const std::vector<std::int64_t>& counts) {
  std::vector<Range> ranges;
  std::int64_t begin = 0;
  for (const std::int64_t count : counts) {
    ranges.push_back({begin, begin + count});
    begin += count;
  }
  return ranges;
}

std::vector<std::int64_t> balanced_counts(std::int64_t lanes,
                                          const std::vector<double>& lane_seconds,
                                          const std::vector<int>& parallel) {
  const std::size_t owners = lane_seconds.size();
  std::vector<std::int64_t> counts(owners, 0);
  for (std::int64_t lane = 0; lane < lanes; ++lane) {
    std::size_t next = 0;
    if (lane < static_cast<std::int64_t>(owners)) {
      next = static_cast<std::size_t>(lane);
    } else {
      const auto done = [&](std::size_t k) {
        return static_cast<double>(rounds(counts[k] + 1, parallel[k])) * lane_seconds[k];
      };
      for (std::size_t k = 1; k < owners; ++k) {
        if (done(k) < done(next)) next = k;
      }
    }
    ++counts[next];
  }
  return counts;
}

LaneBalancer::LaneBalancer(std::vector<std::int64_t> counts, std::vector<int> parallel)
    : counts_(std::move(counts)), parallel_(std::move(parallel)), patience_(least_patience) {}

std::optional<std::vector<std::int64_t>> LaneBalancer::add(const std::vector<double>& seconds) {
  std::vector<double> of_a_lane;
  for (std::size_t k = 0; k < seconds.size(); ++k) {
    of_a_lane.push_back(
        counts_[k] == 0 ? 0 : seconds[k] / static_cast<double>(rounds(counts_[k], parallel_[k])));
  }
  recent_.push_back(std::move(of_a_lane));
  const auto window = static_cast<std::size_t>(std::min(patience_, longest_window));
  while (recent_.size() > window) recent_.pop_front();
  ++since_move_;
  if (since_move_ < patience_) return std::nullopt;
  const std::int64_t lanes = std::accumulate(counts_.begin(), counts_.end(), std::int64_t{0});
  std::vector<std::int64_t> better = balanced_counts(lanes, lane_seconds(), parallel_);
  const auto longest = [this](const std::vector<std::int64_t>& counts) {
    const std::vector<double> times = predicted(counts);
    return *std::max_element(times.begin(), times.end());
  };
  if (longest(better) >= worth_moving * longest(counts_)) return std::nullopt;
  // A move soon after the last one may be noise: the next must wait. A quiet while forgives.
  patience_ = since_move_ < 8 * patience_ ? std::min(2 * patience_, most_patience) : least_patience;
  since_move_ = 0;
  before_move_ = imbalance();
  recent_.clear();
  counts_ = better;
  return better;
}

double LaneBalancer::imbalance_of(const std::vector<std::int64_t>& counts) const {
  if (recent_.empty()) return 1;
  const std::vector<double> times = predicted(counts);
  const double sum = std::accumulate(times.begin(), times.end(), 0.0);
  if (sum <= 0) return 1;
  return *std::max_element(times.begin(), times.end()) * static_cast<double>(times.size()) / sum;
}

// Whose speed is not known is taken to be as fast as the fastest: it will show.
std::vector<double> LaneBalancer::lane_seconds() const {
  std::vector<double> medians;
  double fastest = 0;
  for (std::size_t k = 0; k < counts_.size(); ++k) {
    std::vector<double> values;
    for (const std::vector<double>& step : recent_) values.push_back(step[k]);
    medians.push_back(values.empty() ? 0 : median(values));
    if (medians[k] > 0 && (fastest == 0 || medians[k] < fastest)) fastest = medians[k];
  }
  for (double& value : medians) {
    if (value <= 0) value = fastest;
  }
  return medians;
}

std::vector<double> LaneBalancer::predicted(const std::vector<std::int64_t>& counts) const {
  std::vector<double> times = lane_seconds();
  for (std::size_t k = 0; k < times.size(); ++k)
    times[k] *= static_cast<double>(rounds(counts[k], parallel_[k]));
  return times;
}

}  // namespace convoy
