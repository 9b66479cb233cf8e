#include "lanes/size_batches.hpp"

#include <algorithm>
#include <numeric>

#include "convoy/lanes/order.hpp"
#include "convoy/lanes/random.hpp"

namespace convoy {
namespace {

using Numbers = std::vector<std::int64_t>;

/// An order of 0 .. count - 1 by chance; `stream` tells those of an epoch apart.
Numbers random_order(std::int64_t count, const SizeBatches::Options& options, std::int64_t epoch,
                     std::uint64_t stream) {
  const std::uint64_t seed =
      options.shuffled ? derive_seed(options.seed, RandomPurpose::partition, stream) : 0;
  return epoch_order(count, seed, epoch, options.shuffled);
}

}  // namespace

SizeBatches::SizeBatches(const std::vector<std::int64_t>& sizes, const Options& options)
    : options_(options), samples_(sizes.size()) {
  const auto bucket_of = [&](std::int64_t sample) {
    return (sizes[static_cast<std::size_t>(sample)] - 1) / options_.bucket;
  };
  std::iota(samples_.begin(), samples_.end(), 0);
  std::stable_sort(samples_.begin(), samples_.end(),
                   [&](std::int64_t a, std::int64_t b) { return bucket_of(a) < bucket_of(b); });
  const auto count = static_cast<std::int64_t>(samples_.size());
  std::int64_t waiting = 0;
  for (std::int64_t i = 0; i < count;) {
    const std::int64_t bucket = bucket_of(samples_[i]);
    bounds_.push_back(i);
    while (i < count && bucket_of(samples_[i]) == bucket) ++i;
    waiting += i - bounds_.back();
    const std::int64_t fit =
        std::max<std::int64_t>(1, options_.tokens / ((bucket + 1) * options_.bucket));
    for (; waiting >= fit; waiting -= fit) counts_.push_back(fit);
  }
  bounds_.push_back(count);
  if (waiting > 0 && (!options_.drop_last || counts_.empty())) counts_.push_back(waiting);
}

SizeBatches::Epoch SizeBatches::epoch(std::int64_t number) const {
  Numbers sorted;
  sorted.reserve(samples_.size());
  for (std::size_t b = 0; b + 1 < bounds_.size(); ++b) {
    for (const std::int64_t i : random_order(bounds_[b + 1] - bounds_[b], options_, number, b + 1))
      sorted.push_back(samples_[bounds_[b] + i]);
  }
  Numbers first = {0};
  for (const std::int64_t count : counts_) first.push_back(first.back() + count);
  Epoch epoch;
  epoch.begin = {0};
  for (const std::int64_t batch : random_order(steps(), options_, number, 0)) {
    epoch.order.insert(epoch.order.end(), sorted.begin() + first[batch],
                       sorted.begin() + first[batch + 1]);
    epoch.begin.push_back(static_cast<std::int64_t>(epoch.order.size()));
  }
  return epoch;
}

}  // namespace convoy
