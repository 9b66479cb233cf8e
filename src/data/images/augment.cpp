#include "convoy/data/images/augment.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "convoy/core/error.hpp"
#include "core/split_mix.hpp"
#include "data/formats/array.hpp"

namespace convoy {

// One step in, so that it is not the very number that made the seed.
Dice::Dice(std::uint64_t seed) : state_(seed) {
  next();
}

std::uint64_t Dice::next() {
  const std::uint64_t value = mixed(state_);
  state_ += 0x9e3779b97f4a7c15U;
  return value;
}

double Dice::unit() {
  return static_cast<double>(next() >> 11) * 0x1p-53;
}

std::int64_t Dice::below(std::int64_t n) {
  return std::min(n - 1, static_cast<std::int64_t>(unit() * static_cast<double>(n)));
}

schema::Registry<AugmentKind>& augmentations() {
  static schema::Registry<AugmentKind> all("augmentation", "augmentations", "augment");
  return all;
}

void fail_augmentation(const std::string& kind, const std::string& problem) {
  throw InputError(fmt::format("augment: {}: {}", kind, problem));
}

Augmentation::Augmentation(const std::vector<AugmentStep>& steps,
                           std::vector<std::int64_t> sample_shape) {
  if (steps.empty()) return;
  if (sample_shape.size() != 3) {
    throw InputError(fmt::format("augment: samples of {} are no images; remove augment",
                                 shape_text(sample_shape)));
  }
  size_ = {sample_shape[0], sample_shape[1], sample_shape[2]};
  for (const AugmentStep& step : steps) {
    const AugmentKind& kind = augmentations().get(step.kind);
    changes_.push_back(kind.make(step.own.empty() ? kind.options : step.own, size_));
  }
}

void Augmentation::apply(std::span<float> sample, std::uint64_t seed, float largest) const {
  Dice dice(seed);
  const Canvas canvas{sample, size_.channels, size_.height, size_.width, largest};
  for (const AugmentKind::Change& change : changes_) change(canvas, dice);
}

}  // namespace convoy
