#pragma once
// Lanes that are filled by a value of each sample. Pure; thread-safe.
#include <cstdint>
#include <vector>

#include "convoy/lanes/lane.hpp"

#pragma GCC visibility push(default)

namespace convoy {

/// How samples find their lane.
enum class ValueAssignment {
  stratified,  ///< every lane, and as far as possible every batch, gets its share of each value
  hash,        ///< all samples of a value are in lane hash modulo lanes
  range        ///< samples in the order of their values, cut into equal parts
};

/// What samples are partitioned by. The value of sample i is number codes[i] in the order of
/// values.
struct SampleValues {
  std::vector<std::uint32_t> codes;
  std::vector<std::uint64_t> hashes;  ///< of each value; only `hash` needs them
  std::vector<std::int64_t> sizes;    ///< by size: of each sample, 1 or more; else empty
};

/// A sample is in the same lane in every epoch, and is visited once in each. What a lane holds is
/// spread over the steps of an epoch: of n samples, step k takes those from floor(k n / steps) to
/// floor((k + 1) n / steps) of the lane's order, so lanes may be of different size.
class ValueLanes {
 public:
  struct Options {
    ValueAssignment assignment = ValueAssignment::stratified;
    std::int64_t lanes = 1;
    std::int64_t steps = 1;  ///< of an epoch
    std::uint64_t seed = 0;
    bool shuffled = true;  ///< within a lane, by (seed, epoch, lane); else in ascending order
  };
  /// Keeps 8 bytes a sample. Requires lanes, steps > 0; `hash`: a hash for each code.
  ValueLanes(const SampleValues& values, const Options& options);

  std::int64_t lane_size(std::int64_t lane) const { return begin_[lane + 1] - begin_[lane]; }
  /// The positions in an epoch's order that a lane gets in step `step` of it.
  Range place(std::int64_t step, std::int64_t lane) const;
  /// The order in which samples are visited, lane after lane.
  ///
  /// `stratified` deals each lane's samples to steps as a Latin square would: in the order of their
  /// values they are cut into blocks of one for each step; a block's are put in an order of chance,
  /// the same for all lanes, but each lane begins elsewhere in it. So a step has one sample of each
  /// block of each lane, and what a value has of a block is spread evenly over the steps.
  std::vector<std::int64_t> order(std::int64_t epoch) const;

 private:
  void fill_by_hash(const SampleValues& values);
  void fill_by_range(const SampleValues& values);
  void fill_evenly(const SampleValues& values);
  void shuffle_equals(std::vector<std::int64_t>& order, std::int64_t epoch) const;
  std::vector<std::int64_t> dealt_to_steps(std::vector<std::int64_t> sorted,
                                           std::int64_t epoch) const;

  /// Of a block of samples: the order of the steps that get them, and how far each lane turns it.
  struct Mix {
    std::vector<std::int64_t> slots;
    std::vector<std::int64_t> turns;
  };
  Mix mix_of(std::int64_t block, std::int64_t size, std::int64_t epoch) const;
  std::vector<std::int64_t> longer_steps(std::int64_t lane) const;

  Options options_;
  std::vector<std::int64_t> begin_;    // of each lane in members_, and the end
  std::vector<std::int64_t> members_;  // stratified: by value, else ascending
  std::vector<bool> new_value_;  // stratified: whether the member's value is not that before it
};

}  // namespace convoy

#pragma GCC visibility pop
