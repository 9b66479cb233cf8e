#include "data/partition/schedule.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "convoy/core/error.hpp"

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

std::unique_ptr<const SampleSchedule> make_schedule(const PartitionOptions& partition,
                                                    const BatchOptions& batches, std::uint64_t seed,
                                                    std::int64_t samples,
                                                    const SampleValues& values) {
  const PartitionerKind& kind = partitioners().get(partition.by);
  SamplesToPartition given;
  given.samples = samples;
  given.batch = batch_of(batches, samples);
  given.lanes = checked_lanes(batches, given.batch);
  given.seed = seed;
  given.shuffled = partition.order == "shuffled";
  given.drop_last = batches.last_batch == "drop";
  if (kind.looks_at != LooksAt::nothing) given.values = &values;
  return kind.make(given, partition.own);
}

}  // namespace convoy
