#pragma once
// Data as records: one folder of checked, mappable shards from files of any format, so that more of
// them can be trained on than fit in memory (docs/records.md).
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "convoy/data/load_options.hpp"

#pragma GCC visibility push(default)

namespace convoy {

struct PrepareOptions {
  std::filesystem::path out;                 ///< the folder that is made
  std::uint64_t shard_bytes = 256ULL << 20;  ///< of a shard at most, if that is a record
  bool replace = false;                      ///< prepared data that is there already
};

/// One split's files as records.
struct PreparedPart {
  std::string name;    ///< train, validation or test
  std::string source;  ///< the files
  std::int64_t samples = 0;
  std::int64_t shards = 0;
  std::uint64_t bytes = 0;  ///< of the shards
  std::uint64_t record_bytes = 0;
  std::string left_out;  ///< data.on_bad_sample: skip: a line about samples that were left out
};

/// Writes the files of load.data as they are, before preprocessing; a part that the seed would
/// split off stays in its files' part. Tables are read twice, in pieces; memory holds the different
/// texts of their columns. Arrays that lie in one piece in their file are mapped. The folder is
/// there whole or not at all. Throws InputError / DataError as load_splits does, and when there is
/// something at `out` that is not to be replaced; IoError when it cannot be written.
std::vector<PreparedPart> prepare_data(const LoadOptions& load, const PrepareOptions& options);

}  // namespace convoy

#pragma GCC visibility pop
