#pragma once
// Random changes of training images, so that a network sees each of them a little differently every
// time.
#include <cstdint>
#include <span>
#include <vector>

#include "convoy/data/preprocess_options.hpp"

#pragma GCC visibility push(default)

namespace convoy {

/// The steps of job.augment on samples of one shape. Immutable; thread-safe.
class Augmentation {
 public:
  /// Samples of [channels, height, width]; `colour` needs 3 channels. Throws InputError when the
  /// steps do not fit the shape.
  Augmentation(std::vector<AugmentStep> steps, std::vector<std::int64_t> sample_shape);

  /// Changes a sample in place, before preprocessing: channel by channel, rows from the top. What
  /// comes out depends on the sample and `seed` alone. Values stay from 0 to `largest`, which
  /// is infinite where the data has no bound.
  void apply(std::span<float> sample, std::uint64_t seed, float largest) const;

  bool empty() const { return steps_.empty(); }

 private:
  std::vector<AugmentStep> steps_;
  std::int64_t channels_ = 0;
  std::int64_t height_ = 0;
  std::int64_t width_ = 0;
};

}  // namespace convoy

#pragma GCC visibility pop
