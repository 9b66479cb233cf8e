#include "lanes/sample_schedule.hpp"

#include "convoy/lanes/lane.hpp"

namespace convoy {

SampleSchedule::SampleSchedule(const Options& options)
    : options_(options), plan_(options.samples, options.batch, options.drop_last) {
  if (options.values == nullptr) return;
  by_value_.emplace(*options.values,
                    ValueLanes::Options{options.assignment, options.lanes, plan_.steps_per_epoch(),
                                        options.seed, options.shuffled});
  options_.values = nullptr;
}

std::int64_t SampleSchedule::batch_size(std::int64_t step) const {
  if (!by_value_) return plan_.place(step).size;
  std::int64_t samples = 0;
  for (std::int64_t lane = 0; lane < options_.lanes; ++lane) samples += lane_size(step, lane);
  return samples;
}

std::int64_t SampleSchedule::lane_size(std::int64_t step, std::int64_t lane) const {
  if (by_value_) return by_value_->place(step % steps_per_epoch(), lane).size();
  const std::int64_t batch = plan_.place(step).size;
  if (!options_.cyclic) return even_part(batch, options_.lanes, lane).size();
  return lane < batch ? (batch - lane - 1) / options_.lanes + 1 : 0;
}

std::int64_t SampleSchedule::first_lane(std::int64_t step) const {
  std::int64_t lane = 0;
  while (lane + 1 < options_.lanes && lane_size(step, lane) == 0) ++lane;
  return lane;
}

std::vector<std::int64_t> SampleSchedule::lane_samples(std::int64_t step, std::int64_t lane) const {
  const BatchPlace place = plan_.place(step);
  if (in_blocks()) {
    std::vector<std::int64_t> samples =
        lane_positions(place.size, options_.lanes, lane, options_.cyclic);
    for (std::int64_t& sample : samples) sample += place.offset;
    take_from_blocks(place.epoch, samples);
    return samples;
  }
  const Order epoch_order = order(place.epoch);
  if (by_value_) {
    const Range part = by_value_->place(step % steps_per_epoch(), lane);
    return {epoch_order->begin() + part.begin, epoch_order->begin() + part.end};
  }
  std::vector<std::int64_t> samples =
      lane_positions(place.size, options_.lanes, lane, options_.cyclic);
  for (std::int64_t& sample : samples) sample = (*epoch_order)[place.offset + sample];
  return samples;
}

void SampleSchedule::take_from_blocks(std::int64_t epoch,
                                      std::vector<std::int64_t>& positions) const {
  const auto blocks = block_order(epoch);
  Order samples;
  Range here;
  for (std::int64_t& position : positions) {
    if (position < here.begin || position >= here.end) {
      const std::int64_t number = blocks->window_of(position);
      here = blocks->positions(number);
      samples = window(*blocks, epoch, number);
    }
    position = (*samples)[static_cast<std::size_t>(position - here.begin)];
  }
}

std::vector<Range> SampleSchedule::next_blocks(std::int64_t step) const {
  if (!in_blocks()) return {};
  const BatchPlace place = plan_.place(step);
  const auto blocks = block_order(place.epoch);
  const std::int64_t last = blocks->window_of(place.offset + place.size - 1);
  if (place.offset > 0 && blocks->window_of(place.offset - 1) == last) return {};
  if (last + 1 < blocks->windows()) return blocks->blocks(last + 1);
  return block_order(place.epoch + 1)->blocks(0);
}

std::shared_ptr<const BlockOrder> SampleSchedule::block_order(std::int64_t epoch) const {
  const std::lock_guard lock(mutex_);
  if (const auto found = block_orders_.find(epoch); found != block_orders_.end())
    return found->second;
  while (block_orders_.size() > 2) block_orders_.erase(block_orders_.begin());
  return block_orders_[epoch] = std::make_shared<const BlockOrder>(options_.samples, options_.block,
                                                                   options_.seed, epoch);
}

SampleSchedule::Order SampleSchedule::window(const BlockOrder& blocks, std::int64_t epoch,
                                             std::int64_t window) const {
  const std::lock_guard lock(mutex_);
  const std::pair key{epoch, window};
  if (const auto found = windows_.find(key); found != windows_.end()) return found->second;
  while (windows_.size() > 2) windows_.erase(windows_.begin());
  return windows_[key] = std::make_shared<const std::vector<std::int64_t>>(blocks.samples(window));
}

SampleSchedule::Order SampleSchedule::order(std::int64_t epoch) const {
  const std::lock_guard lock(mutex_);
  if (const auto found = orders_.find(epoch); found != orders_.end()) return found->second;
  // Readers are at most one epoch apart; an order asked for again later is made again.
  while (orders_.size() > 2) orders_.erase(orders_.begin());
  return orders_[epoch] = std::make_shared<const std::vector<std::int64_t>>(
             by_value_ ? by_value_->order(epoch)
                       : epoch_order(options_.samples, options_.seed, epoch, options_.shuffled));
}

}  // namespace convoy
