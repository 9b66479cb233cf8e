#pragma once
// The schedule of a job.
#include "convoy/job/job.hpp"
#include "lanes/sample_schedule.hpp"

namespace convoy {

/// The global batch of this many training samples, > 0.
std::int64_t batch_of(const TrainOptions& train, std::int64_t samples);

/// 8 where the job does not say, or the batch if that is smaller.
std::int64_t lanes_of(const TrainOptions& train, std::int64_t samples);

/// The same; throws InputError where there are more lanes than samples in a batch.
std::int64_t checked_lanes(const TrainOptions& train, std::int64_t batch);

/// `values` are looked at where the job partitions by value or size, and only while a schedule is
/// made.
SampleSchedule::Options schedule_options(const Job& job, std::int64_t samples, std::int64_t batch,
                                         std::int64_t lanes, const SampleValues& values);

}  // namespace convoy
