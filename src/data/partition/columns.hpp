#pragma once
// partition.by: column while data is read: which columns of the files a worker keeps.
#include <optional>
#include <span>

#include "convoy/core/peers.hpp"
#include "convoy/data/formats/formats.hpp"
#include "convoy/data/partition_options.hpp"
#include "convoy/data/preprocess_options.hpp"
#include "convoy/lanes/lane.hpp"

#pragma GCC visibility push(default)  // not public: the command, a library of its own, calls it

namespace convoy {

/// Columns of files (elements of a sample of an array) are cut into parts of neighbouring ones.
struct ColumnCut {
  std::int64_t parts = 1;
  std::vector<Range> workers;  ///< by worker: its parts
  int worker = 0;

  Range own() const { return workers[static_cast<std::size_t>(worker)]; }
  /// Of so many columns those of this worker.
  Range own_columns(std::int64_t columns) const;
};

/// Nothing unless the job partitions by column. Throws InputError for more workers than parts.
std::optional<ColumnCut> column_cut(const PartitionOptions& partition, const Peers* peers);

/// Throws InputError for an elastic job that partitions by column.
void require_lasting_workers(const PartitionOptions& partition, bool elastic);

/// Throws InputError for a step that needs more than one column at a time, which no worker has.
/// `sample_shape`: of arrays; empty for tables.
void require_steps_by_column(const std::vector<PreprocessStep>& steps,
                             std::span<const std::int64_t> sample_shape);

/// These elements of every row, copied. `mapped` is a file's mapping that the array may lie in:
/// what has been copied is let go of, so that it does not count as this process's memory.
Array take_elements(const Array& array, Range elements, std::span<const std::byte> mapped);

}  // namespace convoy

#pragma GCC visibility pop
