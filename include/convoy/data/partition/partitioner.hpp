#pragma once
// The partitioners there are, by the name that `partition.by` gives them: which samples a batch
// has, and which lane gets them. One file adds one, in Convoy or outside, by a variable of
// namespace scope:
//
//   std::unique_ptr<const SampleSchedule> make_backwards(const SamplesToPartition& given,
//                                                        const schema::AnyOptions& own) { ... }
//   const schema::Registered backwards(
//       partitioners(), PartitionerKind{{.name = "backwards", .doc = "..."}, make_backwards});
//
// Not thread-safe: register before threads start. No libtorch in this header.
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "convoy/data/partition_options.hpp"
#include "convoy/lanes/sample_schedule.hpp"
#include "convoy/lanes/value_lanes.hpp"
#include "convoy/schema/registry.hpp"

#pragma GCC visibility push(default)

namespace convoy {

/// What is partitioned, whatever the partitioner.
struct SamplesToPartition {
  std::int64_t samples = 0;  ///< in the training split
  std::int64_t batch = 0;    ///< samples a step, over all lanes
  std::int64_t lanes = 0;    ///< at most `batch`
  std::uint64_t seed = 0;
  bool shuffled = true;    ///< partition.order
  bool drop_last = false;  ///< train.last_batch: without the short batch at an epoch's end
  /// What it looks at, else null; only good while the schedule is made.
  const SampleValues* values = nullptr;
};

/// What of each sample a partitioner must know.
enum class LooksAt {
  nothing,
  values,  ///< SampleValues::codes and hashes: of a column of the files
  sizes    ///< SampleValues::sizes: a column of numbers, or how many tokens it has
};

struct PartitionerKind : schema::Registration {
  /// A pure function. Throws InputError where the options cannot work.
  std::function<std::unique_ptr<const SampleSchedule>(const SamplesToPartition&,
                                                      const schema::AnyOptions& own)>
      make;
  LooksAt looks_at = LooksAt::nothing;
  /// The column it looks at, by its option `value` (messages say so); `target`: what is predicted,
  /// or (sizes) the sample's tokens. Null where it looks at nothing.
  std::function<std::string(const schema::AnyOptions& own)> column = nullptr;
  /// What cannot work of its own options and the others of `partition` together; null: all can.
  std::function<std::optional<schema::Problem>(const PartitionOptions&)> conflict = nullptr;
  /// Sets how many neighbouring samples are read together, where the options leave it open and the
  /// data are larger than memory; null: that makes no difference.
  std::function<void(schema::AnyOptions& own, std::int64_t block)> read_in_blocks = nullptr;
  /// How many parts features are cut into; null: all workers have whole samples.
  std::function<std::int64_t(const schema::AnyOptions& own)> parts = nullptr;

  std::string_view missing() const {
    return !make ? "make" : looks_at != LooksAt::nothing && !column ? "column" : "";
  }
};

schema::Registry<PartitionerKind>& partitioners();

// By `by`; all of them throw InputError for one that there is not.
LooksAt looks_at(const PartitionOptions& partition);
/// Empty: it looks at none.
std::string column_looked_at(const PartitionOptions& partition);
/// None: all workers have whole samples.
std::optional<std::int64_t> column_parts(const PartitionOptions& partition);
void read_in_blocks(PartitionOptions& partition, std::int64_t block);

}  // namespace convoy

#pragma GCC visibility pop
