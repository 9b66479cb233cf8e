#pragma once
// The values that samples are partitioned by.
#include <span>
#include <string>

#include "convoy/data/dataset/dataset.hpp"
#include "convoy/data/formats/formats.hpp"
#include "convoy/data/partition/partitioner.hpp"
#include "convoy/lanes/value_lanes.hpp"

namespace convoy {

/// Throws InputError naming TrainingData when it is not a column of `samples` values.
void require_values(const Column& values, std::int64_t samples);

/// Number 0 is that of missing values; then come numbers by size, text by its bytes. A hash is
/// XXH64 with the seed of the value as text: of a number the shortest decimal that is it (3, 0.1,
/// 1e+20), of a missing value the one byte 255. Uses 12 bytes a sample while it works, and keeps 4
/// and, with `hashed`, 8 for each value.
SampleValues sample_values(const Column& values, std::uint64_t seed, bool hashed);

/// by size: the tokens of each sample: values that are not -1 at its beginning. Throws InputError
/// when samples are no rows of numbers.
Column token_counts(const Dataset& dataset);

/// by size: numbers as sizes, rounded up. Throws InputError for text and for what is missing,
/// negative or above 2^31.
std::vector<std::int64_t> sample_sizes(const Column& values);

/// Values as text, by their number.
std::vector<std::string> value_names(const Column& values);

/// What the partitioner looks at of `samples` samples; nothing where it looks at nothing. `values`
/// as load_splits gives them. Throws InputError.
SampleValues values_looked_at(const PartitionOptions& partition, const Column& values,
                              std::int64_t samples, std::uint64_t seed);

}  // namespace convoy
