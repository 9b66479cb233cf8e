#pragma once
// Batches of samples of about the same size, filled up to a number of tokens.
#include <cstdint>
#include <vector>

namespace convoy {

/// Samples go into buckets by their size, rounded up to a multiple of `bucket`. In the order of
/// buckets batches are filled: each with as many samples as fit into `tokens` when all are padded
/// to the bucket's size, at least one. What is left of a bucket goes to the next one, and what is
/// left of the last is a short batch. An epoch has each sample once, and the same number of batches
/// whatever the order. Immutable; thread-safe.
class SizeBatches {
 public:
  struct Options {
    std::int64_t tokens = 0;
    std::int64_t bucket = 1;
    std::uint64_t seed = 0;
    bool shuffled = true;    ///< samples within a bucket, and batches, by (seed, epoch)
    bool drop_last = false;  ///< leaves the short batch out, unless it is the only one
  };
  /// `sizes` of each sample, 1 or more. Keeps 8 bytes a sample. Requires tokens, bucket > 0.
  SizeBatches(const std::vector<std::int64_t>& sizes, const Options& options);

  std::int64_t steps() const { return static_cast<std::int64_t>(counts_.size()); }

  struct Epoch {
    std::vector<std::int64_t> order;  ///< samples, batch after batch
    std::vector<std::int64_t> begin;  ///< of each batch in `order`, and the end
  };
  Epoch epoch(std::int64_t number) const;

 private:
  Options options_;
  std::vector<std::int64_t> samples_;  // bucket after bucket
  std::vector<std::int64_t> bounds_;   // of each bucket in samples_, and the end
  std::vector<std::int64_t> counts_;   // of each batch, in the order of buckets
};

}  // namespace convoy
