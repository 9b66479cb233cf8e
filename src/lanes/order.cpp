#include "convoy/lanes/order.hpp"

#include <algorithm>
#include <numeric>
#include <span>
#include <utility>

#include "convoy/lanes/random.hpp"

namespace convoy {
namespace {

// Fisher-Yates with the numbers of the epoch's stream from `first` on.
void shuffle_by_epoch(std::span<std::int64_t> items, std::uint64_t seed, std::int64_t epoch,
                      std::int64_t first) {
  for (auto i = static_cast<std::int64_t>(items.size()) - 1; i > 0; --i) {
    const std::uint64_t random = derive_seed(seed, RandomPurpose::order, epoch, first + i);
    // The high half of a 128-bit product: a number in 0..i with a bias below 2^-32 for any data set
    // that fits a disk.
    const auto j =
        static_cast<std::int64_t>((static_cast<unsigned __int128>(random) * (i + 1)) >> 64);
    std::swap(items[i], items[j]);
  }
}

}  // namespace

std::vector<std::int64_t> epoch_order(std::int64_t count, std::uint64_t seed, std::int64_t epoch,
                                      bool shuffled) {
  std::vector<std::int64_t> order(static_cast<std::size_t>(count));
  std::iota(order.begin(), order.end(), 0);
  if (shuffled) shuffle_by_epoch(order, seed, epoch, 0);
  return order;
}

BlockOrder::BlockOrder(std::int64_t count, std::int64_t block, std::uint64_t seed,
                       std::int64_t epoch)
    : count_(count),
      block_(std::min(block, std::max<std::int64_t>(1, count))),
      seed_(seed),
      epoch_(epoch) {
  const std::int64_t blocks = (count_ + block_ - 1) / block_;
  order_ = epoch_order(blocks, seed, epoch, true);
  short_at_ = std::find(order_.begin(), order_.end(), blocks - 1) - order_.begin();
}

std::int64_t BlockOrder::windows() const {
  const auto blocks = static_cast<std::int64_t>(order_.size());
  return (blocks + blocks_of_window - 1) / blocks_of_window;
}

std::int64_t BlockOrder::begin_of(std::int64_t window) const {
  const auto blocks = static_cast<std::int64_t>(order_.size());
  const std::int64_t before = std::min(blocks, window * blocks_of_window);
  const std::int64_t lacking = blocks * block_ - count_;  // of the short block
  return before * block_ - (short_at_ < before ? lacking : 0);
}

Range BlockOrder::positions(std::int64_t window) const {
  return {begin_of(window), begin_of(window + 1)};
}

std::int64_t BlockOrder::window_of(std::int64_t position) const {
  // A window may begin a little earlier than if all blocks were whole, never later.
  std::int64_t window = position / (blocks_of_window * block_);
  while (begin_of(window + 1) <= position) ++window;
  return window;
}

std::vector<Range> BlockOrder::blocks(std::int64_t window) const {
  const auto blocks = static_cast<std::int64_t>(order_.size());
  std::vector<Range> ranges;
  for (std::int64_t i = window * blocks_of_window;
       i < std::min(blocks, (window + 1) * blocks_of_window); ++i) {
    const std::int64_t first = order_[static_cast<std::size_t>(i)] * block_;
    ranges.push_back({first, std::min(count_, first + block_)});
  }
  return ranges;
}

std::vector<std::int64_t> BlockOrder::samples(std::int64_t window) const {
  std::vector<std::int64_t> samples;
  for (const Range& block : blocks(window)) {
    for (std::int64_t sample = block.begin; sample < block.end; ++sample) samples.push_back(sample);
  }
  // The numbers of the stream that blocks have not used.
  shuffle_by_epoch(samples, seed_, epoch_,
                   static_cast<std::int64_t>(order_.size()) + begin_of(window));
  return samples;
}

BatchPlan::BatchPlan(std::int64_t samples, std::int64_t batch, bool drop_last)
    : samples_(samples), batch_(std::min(samples, batch)) {
  steps_per_epoch_ = drop_last ? samples_ / batch_ : (samples_ + batch_ - 1) / batch_;
}

BatchPlace BatchPlan::place(std::int64_t step) const {
  const std::int64_t offset = (step % steps_per_epoch_) * batch_;
  return {step / steps_per_epoch_, offset, std::min(batch_, samples_ - offset)};
}

}  // namespace convoy
