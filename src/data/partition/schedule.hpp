#pragma once
// Batches, lanes and the schedule of a run.
#include "convoy/data/partition_options.hpp"
#include "lanes/sample_schedule.hpp"

namespace convoy {

/// The global batch of this many training samples, > 0.
std::int64_t batch_of(const BatchOptions& batches, std::int64_t samples);

/// 8 where the job does not say, or the batch if that is smaller.
std::int64_t lanes_of(const BatchOptions& batches, std::int64_t samples);

/// The same; throws InputError where there are more lanes than samples in a batch.
std::int64_t checked_lanes(const BatchOptions& batches, std::int64_t batch);

/// `values` are looked at where `partition` is by value or size, and only while a schedule is made.
/// Throws InputError where there are more lanes than samples in a batch.
SampleSchedule::Options schedule_options(const PartitionOptions& partition,
                                         const BatchOptions& batches, std::uint64_t seed,
                                         std::int64_t samples, const SampleValues& values);

}  // namespace convoy
