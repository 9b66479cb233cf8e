#pragma once
// Random changes of training images, so that a network sees each of them a little differently every
// time. One file adds one, in Convoy, in a program or in a plugin:
//
//   struct InvertOptions { double p = 0.5; };
//   void describe(schema::Visitor& v, InvertOptions& o) {
//     v.key("p", o.p, schema::between(0, 1), "the part of the images that it happens to");
//   }
//   const schema::Registered invert(
//       augmentations(), AugmentKind{{.name = "invert", .doc = "...", .options = InvertOptions{}},
//                                    make_invert});
//
// No libtorch in this header.
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "convoy/data/preprocess_options.hpp"
#include "convoy/schema/registry.hpp"

#pragma GCC visibility push(default)

namespace convoy {

/// The random numbers of one sample.
class Dice {
 public:
  explicit Dice(std::uint64_t seed);
  /// From 0 to below 1.
  double unit();
  double between(double low, double high) { return low + (high - low) * unit(); }
  bool chance(double p) { return unit() < p; }
  /// From 0 to below n, each as likely as makes no difference.
  std::int64_t below(std::int64_t n);

 private:
  std::uint64_t next();
  std::uint64_t state_;
};

/// A sample being changed: channel by channel, rows from the top.
struct Canvas {
  std::span<float> values;
  std::int64_t channels, height, width;
  float largest;  ///< values stay from 0 to this; infinite where the data has no bound

  std::int64_t pixels() const { return height * width; }
  std::span<float> plane(std::int64_t c) const {
    return values.subspan(static_cast<std::size_t>(c * pixels()),
                          static_cast<std::size_t>(pixels()));
  }
  float* row(std::int64_t c, std::int64_t y) const {
    return values.data() + (c * height + y) * width;
  }
};

/// Of all samples.
struct ImageExtent {
  std::int64_t channels = 0;
  std::int64_t height = 0;
  std::int64_t width = 0;
};

struct AugmentKind : schema::Registration {
  /// Changes a sample in place. What comes out depends on the sample and the dice alone;
  /// thread-safe.
  using Change = std::function<void(const Canvas&, Dice&)>;
  /// For images of this size. Throws InputError "augment: NAME: ..." for options that do not go
  /// with it.
  std::function<Change(const schema::AnyOptions&, const ImageExtent&)> make = nullptr;
};

schema::Registry<AugmentKind>& augmentations();

/// Throws InputError "augment: KIND: PROBLEM".
[[noreturn]] void fail_augmentation(const std::string& kind, const std::string& problem);

/// The steps of job.augment on samples of one shape. Immutable; thread-safe.
class Augmentation {
 public:
  /// Samples of [channels, height, width]; `colour` needs 3 channels. Throws InputError when the
  /// steps do not fit the shape.
  Augmentation(const std::vector<AugmentStep>& steps, std::vector<std::int64_t> sample_shape);

  /// Changes a sample in place, before preprocessing: channel by channel, rows from the top. What
  /// comes out depends on the sample and `seed` alone. Values stay from 0 to `largest`, which
  /// is infinite where the data has no bound.
  void apply(std::span<float> sample, std::uint64_t seed, float largest) const;

  bool empty() const { return changes_.empty(); }

 private:
  std::vector<AugmentKind::Change> changes_;
  ImageExtent size_;
};

}  // namespace convoy

#pragma GCC visibility pop
