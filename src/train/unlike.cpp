// Workers whose CPUs compute other bits than the others': found before the first step.
#include <fmt/format.h>

#include "convoy/core/error.hpp"
#include "core/kernel_card.hpp"
#include "job/guarantees.hpp"
#include "train/trainer_impl.hpp"

namespace convoy {

// A fixed group: all have come, and all see who differs from worker 0.
void Trainer::Impl::compare_kernels() const {
  if (workers() == 1) return;
  const std::vector<std::string> cards = options_.group->all_gather(kernel_card(worker()));
  for (const std::string& card : cards) {
    const std::string difference = kernel_difference(card, cards[0]);
    if (difference.empty()) continue;
    if (promises_same_bits(job_.strategy)) throw InputError(difference);
    if (is_first()) fmt::print(stderr, "convoy: {}\n", difference);
  }
}

// Where workers come one by one: they are to compute as whoever came first.
void Trainer::Impl::compare_kernels_with(const std::string& first, const std::string& own) const {
  const std::string difference = kernel_difference(own, first);
  if (difference.empty()) return;
  if (promises_same_bits(job_.strategy)) throw RefusedError(difference);
  fmt::print(stderr, "convoy: {}\n", difference);
}

}  // namespace convoy
