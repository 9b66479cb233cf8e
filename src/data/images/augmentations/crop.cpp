// Moves the image within a black border and cuts it to its size again.
#include <fmt/format.h>

#include <algorithm>

#include "convoy/data/images/augment.hpp"

namespace convoy {

void describe(schema::Visitor& v, CropOptions& o) {
  v.key("padding", o.padding, schema::between(0, schema::wide), "by up to so many pixels each way");
}

namespace {

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

AugmentKind::Change make_crop(const schema::AnyOptions& options, const ImageExtent& size) {
  const std::int64_t padding = options.as<CropOptions>().padding;
  if (padding < 0 || padding >= std::min(size.height, size.width)) {
    fail_augmentation("crop", fmt::format("padding {} does not go with images of {} x {}", padding,
                                          size.width, size.height));
  }
  return [padding](const Canvas& canvas, Dice& dice) {
    const std::int64_t right = dice.below(2 * padding + 1) - padding;
    const std::int64_t down = dice.below(2 * padding + 1) - padding;
    shift(canvas, right, down);
  };
}

const schema::Registered crop_augmentation(
    augmentations(),
    AugmentKind{{.name = "crop",
                 .doc = "moves the image within a black border and cuts it to its size again",
                 .bare = "padding",
                 .options = CropOptions{}},
                make_crop});

}  // namespace
}  // namespace convoy
