#pragma once
// Everything that decides what is loaded. No libtorch in this header.
#include <cstdint>
#include <filesystem>
#include <vector>

#include "convoy/data/options.hpp"
#include "convoy/data/partition_options.hpp"
#include "convoy/data/preprocess_options.hpp"

#pragma GCC visibility push(default)

namespace convoy {

struct LoadOptions {
  DataOptions data;
  std::vector<PreprocessStep> preprocess = {};
  std::uint64_t seed = 1;                ///< of the order by which samples are split
  std::filesystem::path directory = {};  ///< where relative paths start; empty: here
  PartitionOptions partition = {};
};

}  // namespace convoy

#pragma GCC visibility pop
