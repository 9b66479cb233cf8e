#pragma once
// Batches, lanes and the schedule of a run.
#include <memory>

#include "convoy/data/partition/partitioner.hpp"

namespace convoy {

/// The global batch of this many training samples, > 0.
std::int64_t batch_of(const BatchOptions& batches, std::int64_t samples);

/// 8 where the job does not say, or the batch if that is smaller.
std::int64_t lanes_of(const BatchOptions& batches, std::int64_t samples);

/// The same; throws InputError where there are more lanes than samples in a batch.
std::int64_t checked_lanes(const BatchOptions& batches, std::int64_t batch);

/// `values`: what the partitioner looks at, if it does; only while the schedule is made. Throws
/// InputError where there are more lanes than samples in a batch.
std::unique_ptr<const SampleSchedule> make_schedule(const PartitionOptions& partition,
                                                    const BatchOptions& batches, std::uint64_t seed,
                                                    std::int64_t samples,
                                                    const SampleValues& values);

}  // namespace convoy
