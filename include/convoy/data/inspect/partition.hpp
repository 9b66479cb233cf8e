#pragma once
// Who gets which samples: the numbers behind `convoy data partition`.
#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>

#include "convoy/data/load_options.hpp"

#pragma GCC visibility push(default)

namespace convoy {

struct PartitionQuery {
  int workers = 0;         ///< lanes are grouped by their owners; 0: not
  int replicas = 0;        ///< of each worker; 0: not told
  std::int64_t epoch = 0;  ///< from 0
  bool explain = false;    ///< compare all ways to partition, and advise
  std::string value;       ///< the column to compare with, instead of partition.value
  std::string name = {};   ///< of the job, for the record
  /// Whether workers take steps of their own, with weights of their own meanwhile, and by which
  /// strategy: what suits depends on it.
  bool own_steps = false;
  std::string strategy = {};
};

/// How training samples are partitioned, as a record:
///   name, samples, batch, steps, epoch, bytes_per_sample, by, assign, order, value (by value)
///   target, labels [{label, count}]: classes, or parts of the target's range (label_parts: true)
///   lanes [{lane, worker, replica, samples, part, bytes, counts [by label], entropy, over
///     {label, times}, skew}]; workers [the same without lane and replica], if asked for
///   largest_of_mean, empty, skew_mean, skew_most: of the workers, if asked for, else of the lanes
///   batches {smallest, largest, mean, most}: sizes; how far their labels are from all samples'
///   padding {by_size, by_row}: by size: the part of positions that is padding
///   explain: contestants [{by, assign, largest_of_mean, empty, skew_mean, skew_most,
///   smallest_batch,
///     largest_batch, batch_mean, batch_most}], value, values, samples_a_value, batch_in_sequence,
///     batch_shuffled, suits {by, assign}, reasons [sentences]
/// skew is the total variation distance of the labels from those of all samples; of several target
/// columns the first counts. Loads the data once or twice, by size once more. Throws as load_splits
/// does, and InputError for an impossible query.
nlohmann::ordered_json describe_partition(const LoadOptions& load, const BatchOptions& batches,
                                          const PartitionQuery& query);

}  // namespace convoy

#pragma GCC visibility pop
