#include "train/sample_schedule.hpp"

#include "convoy/lanes/lane.hpp"

namespace convoy {

SampleSchedule::SampleSchedule(const Options& options)
    : options_(options), plan_(options.samples, options.batch, options.drop_last) {}

std::vector<std::int64_t> SampleSchedule::lane_samples(std::int64_t step, std::int64_t lane) const {
  const BatchPlace place = plan_.place(step);
  const Order epoch_order = order(place.epoch);
  std::vector<std::int64_t> samples =
      lane_positions(place.size, options_.lanes, lane, options_.cyclic);
  for (std::int64_t& sample : samples) sample = (*epoch_order)[place.offset + sample];
  return samples;
}

SampleSchedule::Order SampleSchedule::order(std::int64_t epoch) const {
  const std::lock_guard lock(mutex_);
  if (const auto found = orders_.find(epoch); found != orders_.end()) return found->second;
  // Readers are at most one epoch apart; an order asked for again later is made again.
  while (orders_.size() > 2) orders_.erase(orders_.begin());
  return orders_[epoch] = std::make_shared<const std::vector<std::int64_t>>(
             epoch_order(options_.samples, options_.seed, epoch, options_.shuffled));
}

}  // namespace convoy
