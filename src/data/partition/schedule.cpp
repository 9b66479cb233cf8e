#include "data/partition/schedule.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "convoy/core/error.hpp"
#include "data/partition/values.hpp"

namespace convoy {

std::int64_t batch_of(const TrainOptions& train, std::int64_t samples) {
  return train.batch == 0 ? samples : std::min(train.batch, samples);
}

std::int64_t lanes_of(const TrainOptions& train, std::int64_t samples) {
  constexpr std::int64_t usual_lanes = 8;
  return train.lanes > 0 ? train.lanes : std::min(usual_lanes, batch_of(train, samples));
}

std::int64_t checked_lanes(const TrainOptions& train, std::int64_t batch) {
  const std::int64_t lanes = lanes_of(train, batch);
  if (lanes <= batch) return lanes;
  throw InputError(fmt::format(
      "train.batch: {} samples are fewer than train.lanes {}, and each lane needs at least one; "
      "set train.lanes to {} or less",
      batch, lanes, batch));
}

SampleSchedule::Options schedule_options(const Job& job, std::int64_t samples, std::int64_t batch,
                                         std::int64_t lanes, const SampleValues& values) {
  SampleSchedule::Options options;
  options.samples = samples;
  options.batch = batch;
  options.lanes = lanes;
  options.seed = job.seed;
  options.shuffled = job.partition.order == "shuffled";
  options.block = std::max<std::int64_t>(1, job.partition.block);
  options.cyclic = job.partition.assign == "cyclic";
  options.drop_last = job.train.last_batch == "drop";
  if (job.partition.by == "value") options.values = &values;
  options.assignment = value_assignment(job.partition.assign);
  if (job.partition.by == "size") {
    options.values = &values;
    options.tokens = job.partition.tokens;
    options.bucket = job.partition.bucket;
  }
  return options;
}

}  // namespace convoy
