#include "data/splits/split.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "convoy/core/error.hpp"
#include "core/split_mix.hpp"
#include "data/splits/source.hpp"

namespace convoy {
namespace {

/// Uniform in 0 .. bound-1; numbers that would favour the low ones are thrown away.
std::uint64_t below(SplitMix64& random, std::uint64_t bound) {
  const std::uint64_t reject = (0 - bound) % bound;
  std::uint64_t value = random.next();
  while (value < reject) value = random.next();
  return value % bound;
}

std::int64_t part_of(std::int64_t n, double part, const char* key, const std::string& file) {
  if (part == 0) return 0;
  if (!(part > 0 && part < 1)) {
    throw InputError(
        fmt::format("data.{}: {} is not a part; write a number from 0 to less than 1", key, part));
  }
  const auto count = static_cast<std::int64_t>(std::llround(part * static_cast<double>(n)));
  if (count == 0) {
    throw InputError(fmt::format("data.{}: {} of the {} samples in {} is none; make it larger", key,
                                 part, n, file));
  }
  return count;
}

}  // namespace

std::vector<std::int64_t> seeded_order(std::int64_t n, std::uint64_t seed) {
  std::vector<std::int64_t> order(static_cast<std::size_t>(n));
  std::iota(order.begin(), order.end(), 0);
  SplitMix64 random(seed);
  for (std::size_t i = order.size(); i > 1; --i) std::swap(order[i - 1], order[below(random, i)]);
  return order;
}

void require_clear_splits(const DataOptions& data) {
  if (data.test_part > 0 && !data.test.empty()) {
    throw InputError(
        "data.test_part: there are test files; leave one of data.test and data.test_part out");
  }
  if (data.validation > 0 && !data.validation_files.empty()) {
    throw InputError("data.validation: there are validation files; leave one of the two out");
  }
}

SplitRows split_rows(std::int64_t n, std::uint64_t seed, const DataOptions& data,
                     const std::string& file) {
  const std::int64_t test = part_of(n, data.test_part, "test_part", file);
  const std::int64_t validation = part_of(n, data.validation, "validation", file);
  if (test + validation >= n) {
    throw InputError(fmt::format(
        "data: of the {} samples in {}, {} would be for testing and {} for validation; that "
        "leaves none to train on",
        n, file, test, validation));
  }
  if (data.limit < 0)
    throw InputError(fmt::format("data.limit: {} is negative; 0 means all samples", data.limit));
  SplitRows rows;
  if (test == 0 && validation == 0 && (data.limit == 0 || data.limit >= n)) {
    rows.train.resize(static_cast<std::size_t>(n));
    std::iota(rows.train.begin(), rows.train.end(), 0);
    return rows;
  }
  const std::vector<std::int64_t> order = seeded_order(n, seed);
  const auto rest = order.begin() + test + validation;
  const std::int64_t train = order.end() - rest;
  const std::int64_t kept = data.limit == 0 ? train : std::min(train, data.limit);
  rows.test.assign(order.begin(), order.begin() + test);
  rows.validation.assign(order.begin() + test, rest);
  rows.train.assign(rest, rest + kept);
  for (auto* split : {&rows.train, &rows.validation, &rows.test})
    std::sort(split->begin(), split->end());
  return rows;
}

namespace {

/// Of rows that are in order: training, validation and test rows.
SplitRows split_parts(const std::array<std::int64_t, 3>& parts, std::uint64_t seed,
                      std::int64_t limit) {
  SplitRows rows;
  rows.train = seeded_order(parts[0], seed);
  if (limit > 0 && limit < parts[0]) rows.train.resize(static_cast<std::size_t>(limit));
  std::sort(rows.train.begin(), rows.train.end());
  rows.validation.resize(static_cast<std::size_t>(parts[1]));
  std::iota(rows.validation.begin(), rows.validation.end(), parts[0]);
  rows.test.resize(static_cast<std::size_t>(parts[2]));
  std::iota(rows.test.begin(), rows.test.end(), parts[0] + parts[1]);
  return rows;
}

}  // namespace

SplitRows split_source(const Source& train, std::uint64_t seed, const DataOptions& data) {
  if (train.records && train.bad.empty() && data.validation == 0 && data.test_part == 0 &&
      (data.limit == 0 || data.limit >= train.rows)) {
    SplitRows rows;
    rows.whole = true;
    return rows;
  }
  if (train.tokenizer) return split_parts(train.parts, seed, data.limit);
  SplitRows rows = split_rows(train.rows - train.bad.size(), seed, data, train.file);
  if (train.bad.empty()) return rows;
  const std::vector<std::int64_t> good = train.good_rows();
  for (auto* split : {&rows.train, &rows.validation, &rows.test}) {
    for (std::int64_t& row : *split) row = good[static_cast<std::size_t>(row)];
  }
  return rows;
}

}  // namespace convoy
