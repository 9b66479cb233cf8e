#include "convoy/data/images/augment.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <numbers>

#include "convoy/core/error.hpp"
#include "core/split_mix.hpp"
#include "data/formats/array.hpp"

namespace convoy {
namespace {

/// The random numbers of one sample.
class Dice {
 public:
  // One step in, so that it is not the very number that made the seed.
  explicit Dice(std::uint64_t seed) : numbers_(seed) { numbers_.next(); }
  /// From 0 to below 1.
  double unit() { return static_cast<double>(numbers_.next() >> 11) * 0x1p-53; }
  double between(double low, double high) { return low + (high - low) * unit(); }
  bool chance(double p) { return unit() < p; }
  /// From 0 to below n, each as likely as makes no difference.
  std::int64_t below(std::int64_t n) {
    return std::min(n - 1, static_cast<std::int64_t>(unit() * static_cast<double>(n)));
  }

 private:
  SplitMix64 numbers_;
};

/// A sample being changed.
struct Canvas {
  std::span<float> values;
  std::int64_t channels, height, width;
  float largest;

  std::int64_t pixels() const { return height * width; }
  std::span<float> plane(std::int64_t c) const {
    return values.subspan(static_cast<std::size_t>(c * pixels()),
                          static_cast<std::size_t>(pixels()));
  }
  float* row(std::int64_t c, std::int64_t y) const {
    return values.data() + (c * height + y) * width;
  }
};

void mirror(const Canvas& canvas, bool left_right) {
  for (std::int64_t c = 0; c < canvas.channels; ++c) {
    if (left_right) {
      for (std::int64_t y = 0; y < canvas.height; ++y)
        std::reverse(canvas.row(c, y), canvas.row(c, y) + canvas.width);
    } else {
      for (std::int64_t y = 0; y < canvas.height / 2; ++y) {
        std::swap_ranges(canvas.row(c, y), canvas.row(c, y) + canvas.width,
                         canvas.row(c, canvas.height - 1 - y));
      }
    }
  }
}

/// Moved right and down; what comes in from outside is black.
void shift(const Canvas& canvas, std::int64_t right, std::int64_t down) {
  std::vector<float> moved(canvas.values.size());
  for (std::int64_t c = 0; c < canvas.channels; ++c) {
    for (std::int64_t y = 0; y < canvas.height; ++y) {
      const std::int64_t from = y - down;
      if (from < 0 || from >= canvas.height) continue;
      const std::int64_t first = std::max<std::int64_t>(0, right);
      const std::int64_t end = std::min(canvas.width, canvas.width + right);
      for (std::int64_t x = first; x < end; ++x)
        moved[static_cast<std::size_t>((c * canvas.height + y) * canvas.width + x)] =
            canvas.row(c, from)[x - right];
    }
  }
  std::copy(moved.begin(), moved.end(), canvas.values.begin());
}

/// Pixel (x, y) becomes what was at (ax + by + c, dx + ey + f), in pixels from the corner, between
/// pixels in proportion (bilinear); black outside.
struct Affine {
  double a, b, c, d, e, f;
};

float bilinear(const Canvas& canvas, std::int64_t channel, double x, double y) {
  const double left = std::floor(x);
  const double top = std::floor(y);
  const auto at = [&](double column, double line) -> double {
    if (column < 0 || line < 0 || column >= static_cast<double>(canvas.width) ||
        line >= static_cast<double>(canvas.height))
      return 0;
    return canvas.row(channel, static_cast<std::int64_t>(line))[static_cast<std::int64_t>(column)];
  };
  const double across = x - left;
  const double down = y - top;
  return static_cast<float>(
      (at(left, top) * (1 - across) + at(left + 1, top) * across) * (1 - down) +
      (at(left, top + 1) * (1 - across) + at(left + 1, top + 1) * across) * down);
}

void warp(const Canvas& canvas, const Affine& map) {
  std::vector<float> out(canvas.values.size());
  std::size_t next = 0;
  for (std::int64_t c = 0; c < canvas.channels; ++c) {
    for (std::int64_t y = 0; y < canvas.height; ++y) {
      for (std::int64_t x = 0; x < canvas.width; ++x) {
        const double right = static_cast<double>(x) + 0.5;
        const double down = static_cast<double>(y) + 0.5;
        out[next++] = bilinear(canvas, c, map.a * right + map.b * down + map.c - 0.5,
                               map.d * right + map.e * down + map.f - 0.5);
      }
    }
  }
  std::copy(out.begin(), out.end(), canvas.values.begin());
}

void zoom(const Canvas& canvas, const AugmentStep& step, Dice& dice) {
  const double side = std::sqrt(dice.between(step.low, step.high));
  const double left = dice.between(0, static_cast<double>(canvas.width) * (1 - side));
  const double top = dice.between(0, static_cast<double>(canvas.height) * (1 - side));
  warp(canvas, {side, 0, left, 0, side, top});
}

void rotate(const Canvas& canvas, const AugmentStep& step, Dice& dice) {
  const double angle = dice.between(-step.degrees, step.degrees) * std::numbers::pi / 180;
  const double cosine = std::cos(angle);
  const double sine = std::sin(angle);
  const double x = static_cast<double>(canvas.width) / 2;
  const double y = static_cast<double>(canvas.height) / 2;
  warp(canvas, {cosine, -sine, x - cosine * x + sine * y, sine, cosine, y - sine * x - cosine * y});
}

/// Of red, green and blue as ITU-R BT.601 weighs them; of one channel itself.
float grey_at(const Canvas& canvas, std::size_t pixel) {
  if (canvas.channels != 3) return canvas.plane(0)[pixel];
  return 0.299F * canvas.plane(0)[pixel] + 0.587F * canvas.plane(1)[pixel] +
         0.114F * canvas.plane(2)[pixel];
}

void bound(const Canvas& canvas) {
  for (float& value : canvas.values) value = std::clamp(value, 0.0F, canvas.largest);
}

void change_colour(const Canvas& canvas, const AugmentStep& step, Dice& dice) {
  const auto factor = [&dice](double x) { return static_cast<float>(dice.between(1 - x, 1 + x)); };
  const float brightness = factor(step.brightness);
  const float contrast = factor(step.contrast);
  const float saturation = factor(step.saturation);
  for (float& value : canvas.values) value *= brightness;
  bound(canvas);
  const auto pixels = static_cast<std::size_t>(canvas.pixels());
  double sum = 0;
  for (std::size_t i = 0; i < pixels; ++i) sum += grey_at(canvas, i);
  const auto mean = static_cast<float>(sum / static_cast<double>(pixels));
  for (float& value : canvas.values) value = mean + (value - mean) * contrast;
  bound(canvas);
  if (canvas.channels != 3) return;
  for (std::size_t i = 0; i < pixels; ++i) {
    const float grey = grey_at(canvas, i);
    for (std::int64_t c = 0; c < 3; ++c) {
      float& value = canvas.plane(c)[i];
      value = grey + (value - grey) * saturation;
    }
  }
  bound(canvas);
}

void erase(const Canvas& canvas, const AugmentStep& step, Dice& dice) {
  if (!dice.chance(step.p)) return;
  const double area = dice.between(0, step.high) * static_cast<double>(canvas.pixels());
  const double slant = std::exp(dice.between(-1, 1));  // height by width, e to 1/e
  const auto side = [](double length, std::int64_t most) {
    return std::clamp<std::int64_t>(std::llround(length), 1, most);
  };
  const std::int64_t height = side(std::sqrt(area * slant), canvas.height);
  const std::int64_t width = side(std::sqrt(area / slant), canvas.width);
  const std::int64_t top = dice.below(canvas.height - height + 1);
  const std::int64_t left = dice.below(canvas.width - width + 1);
  for (std::int64_t c = 0; c < canvas.channels; ++c) {
    for (std::int64_t y = top; y < top + height; ++y)
      std::fill_n(canvas.row(c, y) + left, width, 0.0F);
  }
}

void change(const Canvas& canvas, const AugmentStep& step, Dice& dice) {
  if (step.kind == "flip") {
    if (step.horizontal && dice.chance(0.5)) mirror(canvas, true);
    if (step.vertical && dice.chance(0.5)) mirror(canvas, false);
  } else if (step.kind == "crop") {
    const std::int64_t right = dice.below(2 * step.padding + 1) - step.padding;
    const std::int64_t down = dice.below(2 * step.padding + 1) - step.padding;
    shift(canvas, right, down);
  } else if (step.kind == "zoom") {
    zoom(canvas, step, dice);
  } else if (step.kind == "rotate") {
    rotate(canvas, step, dice);
  } else if (step.kind == "colour") {
    change_colour(canvas, step, dice);
  } else {
    erase(canvas, step, dice);
  }
}

void check_augment_step(const AugmentStep& step, std::int64_t height, std::int64_t width) {
  const auto fail = [&](const std::string& problem) {
    throw InputError(fmt::format("augment: {}: {}", step.kind, problem));
  };
  static constexpr const char* known[] = {"flip", "crop", "zoom", "rotate", "colour", "erase"};
  if (std::find(std::begin(known), std::end(known), step.kind) == std::end(known))
    throw InputError(fmt::format("augment: no step is called {}", step.kind));
  const auto part = [](double x) { return x >= 0 && x <= 1; };  // false of NaN
  if (step.kind == "crop" && (step.padding < 0 || step.padding >= std::min(height, width)))
    fail(fmt::format("padding {} does not go with images of {} x {}", step.padding, width, height));
  if (step.kind == "zoom" && !(step.low > 0 && step.low <= step.high && step.high <= 1))
    fail(fmt::format(
        "low ({}) and high ({}) are parts of the area, from above 0 to 1, in this order", step.low,
        step.high));
  if (step.kind == "rotate" && !(step.degrees >= 0 && step.degrees <= 180))
    fail(fmt::format("degrees: {} is not from 0 to 180", step.degrees));
  if (step.kind == "colour" &&
      !(part(step.brightness) && part(step.contrast) && part(step.saturation)))
    fail("brightness, contrast and saturation are from 0 to 1");
  if (step.kind == "erase" && !(part(step.p) && part(step.high)))
    fail("p and high are from 0 to 1");
}

}  // namespace

Augmentation::Augmentation(std::vector<AugmentStep> steps, std::vector<std::int64_t> sample_shape)
    : steps_(std::move(steps)) {
  if (steps_.empty()) return;
  if (sample_shape.size() != 3) {
    throw InputError(fmt::format("augment: samples of {} are no images; remove augment",
                                 shape_text(sample_shape)));
  }
  channels_ = sample_shape[0];
  height_ = sample_shape[1];
  width_ = sample_shape[2];
  for (const AugmentStep& step : steps_) check_augment_step(step, height_, width_);
}

void Augmentation::apply(std::span<float> sample, std::uint64_t seed, float largest) const {
  Dice dice(seed);
  const Canvas canvas{sample, channels_, height_, width_, largest};
  for (const AugmentStep& step : steps_) change(canvas, step, dice);
}

}  // namespace convoy
