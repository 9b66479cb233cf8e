#pragma once
// Which sample is in which split: a function of the seed and the number of samples alone.
#include <cstdint>
#include <string>
#include <vector>

#include "convoy/data/options.hpp"

namespace convoy {

/// 0 .. n-1 in an order fixed by the seed: Fisher-Yates (Knuth, TAOCP 2, algorithm P) on numbers
/// from splitmix64 (Steele, Lea, Flood 2014) seeded with `seed`. Written out here because
/// std::shuffle's result differs by library.
std::vector<std::int64_t> seeded_order(std::int64_t n, std::uint64_t seed);

/// Throws InputError where a split is asked for both as files and as a part of the training files.
void require_clear_splits(const DataOptions& data);

struct SplitRows {
  std::vector<std::int64_t> train;
  std::vector<std::int64_t> validation;
  std::vector<std::int64_t> test;
  /// The training split is all rows; `train` is empty then. Of prepared data alone.
  bool whole = false;
};

/// Splits the rows 0 .. n-1 of the training files by the seeded order: the first round(test_part *
/// n) are the test split, the next round(validation * n) the validation split, the rest is the
/// training split, of which `limit` (if not 0) keeps the first. Each split is then sorted, so that
/// files are read from front to back. Throws InputError when a split that is asked for would be
/// empty; `file` is for that message.
SplitRows split_rows(std::int64_t n, std::uint64_t seed, const DataOptions& data,
                     const std::string& file);

struct Source;

/// The splits of what was read for training, without its bad rows: by `split_rows`, or of a text
/// its parts, of which `limit` keeps the first training samples of the seeded order. Throws
/// InputError.
SplitRows split_source(const Source& train, std::uint64_t seed, const DataOptions& data);

}  // namespace convoy
