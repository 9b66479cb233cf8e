#pragma once
// Which partition suits the data, and why, in plain sentences. Pure.
#include <cstdint>
#include <string>
#include <vector>

#include "data/inspect/partition_measure.hpp"

namespace convoy {

/// One way to partition, measured on the data.
struct Contestant {
  std::string by;      ///< row, value
  std::string assign;  ///< block, cyclic; stratified, hash, range
  double batch_mean = 0;
  double batch_most = 0;
  std::int64_t smallest_batch = 0;
  std::int64_t largest_batch = 0;
  GroupMeasure groups;  ///< lanes, or workers
};

struct PartitionFacts {
  bool sequential = false;       ///< partition.order
  bool own_steps = false;        ///< workers take steps of their own
  std::string strategy;          ///< strategy.kind
  bool several_workers = false;  ///< groups are workers, not lanes
  std::int64_t steps = 0;        ///< of an epoch
  SampleLabels labels;
  // What `value` means.
  std::string value;  ///< the column
  bool value_is_target = true;
  std::int64_t values = 0;           ///< different ones
  std::int64_t samples_a_value = 0;  ///< the median
  // Batches of rows, if the order were the one or the other.
  double batch_in_sequence = 0;
  double batch_shuffled = 0;
  // By size: the part of positions that is padding; else 0.
  double padding_by_size = 0;
  double padding_by_row = 0;
  std::vector<Contestant> contestants;  ///< all five, and by size where samples have sizes

  const Contestant& of(const std::string& assign) const;
};

struct PartitionAdvice {
  std::string by;
  std::string assign;
  std::vector<std::string> reasons;  ///< sentences; the first says why it is this one
};

/// The first rule that holds decides (docs/partitioning.md lists them):
///   0. by row so much more is padding than by size: size, block
///   1. order is sequential and the file is in order of its labels: value, stratified
///   2. `value` is a column that groups samples (at least two a value, and two values a lane or
///      worker): value, hash
///   3. a class has on average less than one sample a batch: value, stratified
///   4. workers take steps of their own, and by row their labels are further from the whole: value,
///      stratified
///   5. order is sequential, and slices of a batch differ where every S-th sample does not: row,
///      cyclic
///   6. row, block
PartitionAdvice advise_partition(const PartitionFacts& facts);

}  // namespace convoy
