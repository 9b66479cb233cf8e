#pragma once
// How evenly a schedule deals samples and labels to lanes and batches. Pure.
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "convoy/data/formats/formats.hpp"
#include "convoy/lanes/sample_schedule.hpp"

namespace convoy {

/// What samples are counted by: classes, or of a target of many numbers ten parts of its range,
/// each with about as many samples.
struct SampleLabels {
  std::vector<std::uint32_t> codes;  ///< of each sample
  std::vector<std::string> names;
  std::vector<std::int64_t> counts;  ///< of all samples
  bool parts = false;
};
SampleLabels sample_labels(const Column& target, bool regression);

/// Total variation distance of two distributions given as counts: half the sum of the differences
/// of their parts, from 0 (alike) to 1 (nothing in common). 0 where one has no samples.
double label_distance(std::span<const std::int64_t> counts, std::span<const std::int64_t> whole);

/// Bits; 0: one label only.
double label_entropy(std::span<const std::int64_t> counts);

using LabelCounts = std::vector<std::int64_t>;

struct PartitionMeasure {
  std::vector<LabelCounts> lanes;  ///< samples of each label in an epoch
  double batch_mean = 0;           ///< distance of a batch's labels from all samples', of the steps
  double batch_most = 0;
  std::int64_t smallest_batch = 0;
  std::int64_t largest_batch = 0;
};
PartitionMeasure measure_partition(const SampleSchedule& schedule, std::int64_t lanes,
                                   std::int64_t epoch, const SampleLabels& labels);

/// The part of an epoch's positions that is padding, when each lane's samples are padded to its
/// longest. `sizes` of each sample.
double padding_part(const SampleSchedule& schedule, std::int64_t lanes, std::int64_t epoch,
                    const std::vector<std::int64_t>& sizes);

/// Of lanes, or of workers, which have several each.
struct GroupMeasure {
  std::vector<LabelCounts> groups;
  std::vector<std::int64_t> sizes;
  double largest_of_mean = 1;  ///< the largest group's size by the mean size
  std::int64_t empty = 0;      ///< groups without a sample
  double skew_mean = 0;        ///< label_distance from all samples', weighed by the groups' samples
  double skew_most = 0;
};
/// `owners` 0: each lane is a group.
GroupMeasure measure_groups(const PartitionMeasure& measure, int owners,
                            const SampleLabels& labels);

}  // namespace convoy
