#include "lanes/epoch_schedule.hpp"

#include "convoy/lanes/lane.hpp"

namespace convoy {

EpochSchedule::EpochSchedule(const Options& options)
    : SampleSchedule(options.lanes),
      options_(options),
      plan_(options.samples, options.batch, options.drop_last) {
  if (options.values == nullptr) return;
  if (options.tokens > 0) {
    by_size_.emplace(options.values->sizes,
                     SizeBatches::Options{options.tokens, options.bucket, options.seed,
                                          options.shuffled, options.drop_last});
  } else {
    by_value_.emplace(*options.values,
                      ValueLanes::Options{options.assignment, options.lanes,
                                          plan_.steps_per_epoch(), options.seed, options.shuffled});
  }
  options_.values = nullptr;
}

// By row and size: where a step's samples are in its epoch's order.
Range EpochSchedule::batch(std::int64_t step) const {
  if (!by_size_) {
    const BatchPlace place = plan_.place(step);
    return {place.offset, place.offset + place.size};
  }
  const Epoch of_step = epoch(step / steps_per_epoch());
  const auto number = static_cast<std::size_t>(step % steps_per_epoch());
  return {of_step->begin[number], of_step->begin[number + 1]};
}

std::int64_t EpochSchedule::batch_size(std::int64_t step) const {
  return by_value_ ? SampleSchedule::batch_size(step) : batch(step).size();
}

std::int64_t EpochSchedule::lane_size(std::int64_t step, std::int64_t lane) const {
  if (by_value_) return by_value_->place(step % steps_per_epoch(), lane).size();
  const std::int64_t size = batch(step).size();
  if (!options_.cyclic) return even_part(size, options_.lanes, lane).size();
  return lane < size ? (size - lane - 1) / options_.lanes + 1 : 0;
}

std::vector<std::int64_t> EpochSchedule::lane_samples(std::int64_t step, std::int64_t lane) const {
  if (in_blocks()) {
    const BatchPlace place = plan_.place(step);
    std::vector<std::int64_t> samples =
        lane_positions(place.size, options_.lanes, lane, options_.cyclic);
    for (std::int64_t& sample : samples) sample += place.offset;
    take_from_blocks(place.epoch, samples);
    return samples;
  }
  const Epoch of_step = epoch(step / steps_per_epoch());
  const std::vector<std::int64_t>& order = of_step->order;
  if (by_value_) {
    const Range part = by_value_->place(step % steps_per_epoch(), lane);
    return {order.begin() + part.begin, order.begin() + part.end};
  }
  const Range samples_of_step = batch(step);
  std::vector<std::int64_t> samples =
      lane_positions(samples_of_step.size(), options_.lanes, lane, options_.cyclic);
  for (std::int64_t& sample : samples) sample = order[samples_of_step.begin + sample];
  return samples;
}

void EpochSchedule::take_from_blocks(std::int64_t epoch,
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

std::vector<Range> EpochSchedule::next_blocks(std::int64_t step) const {
  if (!in_blocks()) return {};
  const BatchPlace place = plan_.place(step);
  const auto blocks = block_order(place.epoch);
  const std::int64_t last = blocks->window_of(place.offset + place.size - 1);
  if (place.offset > 0 && blocks->window_of(place.offset - 1) == last) return {};
  if (last + 1 < blocks->windows()) return blocks->blocks(last + 1);
  return block_order(place.epoch + 1)->blocks(0);
}

std::shared_ptr<const BlockOrder> EpochSchedule::block_order(std::int64_t epoch) const {
  const std::lock_guard lock(mutex_);
  if (const auto found = block_orders_.find(epoch); found != block_orders_.end())
    return found->second;
  while (block_orders_.size() > 2) block_orders_.erase(block_orders_.begin());
  return block_orders_[epoch] = std::make_shared<const BlockOrder>(options_.samples, options_.block,
                                                                   options_.seed, epoch);
}

EpochSchedule::Order EpochSchedule::window(const BlockOrder& blocks, std::int64_t epoch,
                                           std::int64_t window) const {
  const std::lock_guard lock(mutex_);
  const std::pair key{epoch, window};
  if (const auto found = windows_.find(key); found != windows_.end()) return found->second;
  while (windows_.size() > 2) windows_.erase(windows_.begin());
  return windows_[key] = std::make_shared<const std::vector<std::int64_t>>(blocks.samples(window));
}

EpochSchedule::Epoch EpochSchedule::epoch(std::int64_t number) const {
  const std::lock_guard lock(mutex_);
  if (const auto found = epochs_.find(number); found != epochs_.end()) return found->second;
  // Readers are at most one epoch apart; one asked for again later is made again.
  while (epochs_.size() > 2) epochs_.erase(epochs_.begin());
  return epochs_[number] = std::make_shared<const SizeBatches::Epoch>(make_epoch(number));
}

SizeBatches::Epoch EpochSchedule::make_epoch(std::int64_t number) const {
  if (by_size_) return by_size_->epoch(number);
  if (by_value_) return {by_value_->order(number), {}};
  return {epoch_order(options_.samples, options_.seed, number, options_.shuffled), {}};
}

}  // namespace convoy
