#pragma once
// The sources of all of a job's splits.
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "convoy/core/peers.hpp"
#include "convoy/data/partition_options.hpp"
#include "convoy/data/preprocess_options.hpp"
#include "data/sources/checked_files.hpp"
#include "data/splits/source.hpp"
#include "data/splits/split.hpp"

namespace convoy {

/// What is read for a job, before it becomes datasets.
struct SplitSources {
  Source train;
  std::optional<Source> validation;
  std::optional<Source> test;
  SplitRows rows;  ///< of `train`
  Column values;   ///< of each row of `train`, where the job partitions by value
};

/// Reads and checks them all, and decides what the target is (`code`). Throws as read_source.
SplitSources read_split_sources(const DataOptions& data, const PartitionOptions& partition,
                                std::uint64_t seed, const std::filesystem::path& root,
                                CheckedFiles& files, std::optional<TargetCode>& code,
                                const Peers* peers);

/// What must be the same on every worker (Splits::fingerprint).
std::string fingerprint(const SplitSources& sources, const std::vector<PreprocessStep>& preprocess);

/// Throws DataError unless samples have this shape, or are what the reference's are.
void require_shape(const Source& source, const std::vector<std::int64_t>& shape,
                   const std::string& reference);
void require_kind(const Source& source, bool array, const std::string& reference);

bool has_values(const Column& column);

}  // namespace convoy
