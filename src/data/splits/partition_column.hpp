#pragma once
// The column of the training files that samples are partitioned by (partition.by: value).
#include "convoy/data/options.hpp"
#include "convoy/data/partition_options.hpp"
#include "data/splits/source.hpp"

namespace convoy {

/// How the training files are read: a column that is only there to partition by, and named in
/// data.csv.ignore, is read too.
DataOptions with_partition_column(const DataOptions& data, const PartitionOptions& partition);

/// The column that the job partitions by, of the training files as read: `target`, a target column
/// or a feature. One that data.csv.ignore names is taken out of the features. Throws InputError
/// when there is no such column.
Column partition_column(Source& train, const DataOptions& data, const PartitionOptions& partition);

}  // namespace convoy
