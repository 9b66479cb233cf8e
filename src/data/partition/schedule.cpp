#include "data/partition/schedule.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "convoy/core/error.hpp"
#include "data/partition/values.hpp"

namespace convoy {

std::int64_t batch_of(const BatchOptions& batches, std::int64_t samples) {
  return batches.batch == 0 ? samples : std::min(batches.batch, samples);
}

std::int64_t lanes_of(const BatchOptions& batches, std::int64_t samples) {
  constexpr std::int64_t usual_lanes = 8;
  return batches.lanes > 0 ? batches.lanes : std::min(usual_lanes, batch_of(batches, samples));
}

std::int64_t checked_lanes(const BatchOptions& batches, std::int64_t batch) {
  const std::int64_t lanes = lanes_of(batches, batch);
  if (lanes <= batch) return lanes;
  throw InputError(fmt::format(
      "train.batch: {} samples are fewer than train.lanes {}, and each lane needs at least one; "
      "set train.lanes to {} or less",
      batch, lanes, batch));
}

SampleSchedule::Options schedule_options(const PartitionOptions& partition,
                                         const BatchOptions& batches, std::uint64_t seed,
                                         std::int64_t samples, const SampleValues& values) {
  SampleSchedule::Options options;
  options.samples = samples;
  options.batch = batch_of(batches, samples);
  options.lanes = checked_lanes(batches, options.batch);
  options.seed = seed;
  options.shuffled = partition.order == "shuffled";
  options.block = std::max<std::int64_t>(1, partition.block);
  options.cyclic = partition.assign == "cyclic";
  options.drop_last = batches.last_batch == "drop";
  if (partition.by == "value") options.values = &values;
  options.assignment = value_assignment(partition.assign);
  if (partition.by == "size") {
    options.values = &values;
    options.tokens = partition.tokens;
    options.bucket = partition.bucket;
  }
  return options;
}

}  // namespace convoy
