// Turns the image about its centre.
#include <fmt/format.h>

#include <cmath>
#include <numbers>

#include "data/images/warp.hpp"

namespace convoy {

void describe(schema::Visitor& v, RotateOptions& o) {
  v.key("degrees", o.degrees, schema::between(0, 180), "by up to so many, either way");
}

namespace {

AugmentKind::Change make_rotate(const schema::AnyOptions& options, const ImageExtent&) {
  const double degrees = options.as<RotateOptions>().degrees;
  if (!(degrees >= 0 && degrees <= 180))
    fail_augmentation("rotate", fmt::format("degrees: {} is not from 0 to 180", degrees));
  return [degrees](const Canvas& canvas, Dice& dice) {
    const double angle = dice.between(-degrees, degrees) * std::numbers::pi / 180;
    const double cosine = std::cos(angle);
    const double sine = std::sin(angle);
    const double x = static_cast<double>(canvas.width) / 2;
    const double y = static_cast<double>(canvas.height) / 2;
    warp(canvas,
         {cosine, -sine, x - cosine * x + sine * y, sine, cosine, y - sine * x - cosine * y});
  };
}

const schema::Registered rotate_augmentation(augmentations(),
                                             AugmentKind{{.name = "rotate",
                                                          .doc = "turns the image about its centre",
                                                          .bare = "degrees",
                                                          .options = RotateOptions{}},
                                                         make_rotate});

}  // namespace
}  // namespace convoy
