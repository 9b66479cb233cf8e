// Mirrors half of the images.
#include <algorithm>

#include "convoy/data/images/augment.hpp"

namespace convoy {

void describe(schema::Visitor& v, FlipOptions& o) {
  v.key("horizontal", o.horizontal, schema::any(), "left and right");
  v.key("vertical", o.vertical, schema::any(), "top and bottom");
}

namespace {

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

AugmentKind::Change make_flip(const schema::AnyOptions& options, const ImageExtent&) {
  return [chosen = options.as<FlipOptions>()](const Canvas& canvas, Dice& dice) {
    if (chosen.horizontal && dice.chance(0.5)) mirror(canvas, true);
    if (chosen.vertical && dice.chance(0.5)) mirror(canvas, false);
  };
}

const schema::Registered flip_augmentation(
    augmentations(),
    AugmentKind{{.name = "flip", .doc = "mirrors half of the images", .options = FlipOptions{}},
                make_flip});

}  // namespace
}  // namespace convoy
