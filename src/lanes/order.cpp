#include "convoy/lanes/order.hpp"

#include <algorithm>
#include <numeric>
#include <utility>

#include "convoy/lanes/random.hpp"

namespace convoy {

std::vector<std::int64_t> epoch_order(std::int64_t count, std::uint64_t seed, std::int64_t epoch,
                                      bool shuffled) {
  std::vector<std::int64_t> order(static_cast<std::size_t>(count));
  std::iota(order.begin(), order.end(), 0);
  if (!shuffled) return order;
  for (std::int64_t i = count - 1; i > 0; --i) {
    const std::uint64_t random = derive_seed(seed, RandomPurpose::order, epoch, i);
    // The high half of a 128-bit product: a number in 0..i with a bias below 2^-32 for any data set
    // that fits a disk.
    const auto j =
        static_cast<std::int64_t>((static_cast<unsigned __int128>(random) * (i + 1)) >> 64);
    std::swap(order[i], order[j]);
  }
  return order;
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
