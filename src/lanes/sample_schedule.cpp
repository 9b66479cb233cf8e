#include "lanes/sample_schedule.hpp"

#include "convoy/lanes/lane.hpp"

namespace convoy {

SampleSchedule::SampleSchedule(const Options& options)
    : options_(options), plan_(options.samples, options.batch, options.drop_last) {
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
Range SampleSchedule::batch(std::int64_t step) const {
  if (!by_size_) {
    const BatchPlace place = plan_.place(step);
    return {place.offset, place.offset + place.size};
  }
  const Epoch of_step = epoch(step / steps_per_epoch());
  const auto number = static_cast<std::size_t>(step % steps_per_epoch());
  return {of_step->begin[number], of_step->begin[number + 1]};
}

std::int64_t SampleSchedule::batch_size(std::int64_t step) const {
  if (!by_value_) return batch(step).size();
  std::int64_t samples = 0;
  for (std::int64_t lane = 0; lane < options_.lanes; ++lane) samples += lane_size(step, lane);
  return samples;
}

std::int64_t SampleSchedule::lane_size(std::int64_t step, std::int64_t lane) const {
  if (by_value_) return by_value_->place(step % steps_per_epoch(), lane).size();
  const std::int64_t size = batch(step).size();
  if (!options_.cyclic) return even_part(size, options_.lanes, lane).size();
  return lane < size ? (size - lane - 1) / options_.lanes + 1 : 0;
}

std::int64_t SampleSchedule::first_lane(std::int64_t step) const {
  std::int64_t lane = 0;
  while (lane + 1 < options_.lanes && lane_size(step, lane) == 0) ++lane;
  return lane;
}

std::vector<std::int64_t> SampleSchedule::lane_samples(std::int64_t step, std::int64_t lane) const {
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

SampleSchedule::Epoch SampleSchedule::epoch(std::int64_t number) const {
  const std::lock_guard lock(mutex_);
  if (const auto found = epochs_.find(number); found != epochs_.end()) return found->second;
  // Readers are at most one epoch apart; one asked for again later is made again.
  while (epochs_.size() > 2) epochs_.erase(epochs_.begin());
  return epochs_[number] = std::make_shared<const SizeBatches::Epoch>(make_epoch(number));
}

SizeBatches::Epoch SampleSchedule::make_epoch(std::int64_t number) const {
  if (by_size_) return by_size_->epoch(number);
  if (by_value_) return {by_value_->order(number), {}};
  return {epoch_order(options_.samples, options_.seed, number, options_.shuffled), {}};
}

}  // namespace convoy
