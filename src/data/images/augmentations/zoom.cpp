// Cuts out a part and enlarges it to the whole size.
#include <fmt/format.h>

#include <cmath>

#include "data/images/warp.hpp"

namespace convoy {

void describe(schema::Visitor& v, ZoomOptions& o) {
  v.key("low", o.low, schema::between(0, 1), "the smallest part of the area");
  v.key("high", o.high, schema::between(0, 1), "the largest part of the area");
}

namespace {

AugmentKind::Change make_zoom(const schema::AnyOptions& options, const ImageExtent&) {
  const auto chosen = options.as<ZoomOptions>();
  if (!(chosen.low > 0 && chosen.low <= chosen.high && chosen.high <= 1)) {
    fail_augmentation(
        "zoom",
        fmt::format(
            "low ({}) and high ({}) are parts of the area, from above 0 to 1, in this order",
            chosen.low, chosen.high));
  }
  return [chosen](const Canvas& canvas, Dice& dice) {
    const double side = std::sqrt(dice.between(chosen.low, chosen.high));
    const double left = dice.between(0, static_cast<double>(canvas.width) * (1 - side));
    const double top = dice.between(0, static_cast<double>(canvas.height) * (1 - side));
    warp(canvas, {side, 0, left, 0, side, top});
  };
}

std::optional<schema::Problem> zoom_problem(const schema::AnyOptions& options) {
  const auto chosen = options.as<ZoomOptions>();
  if (chosen.low > 0 && chosen.low <= chosen.high) return std::nullopt;
  return schema::Problem{"low", fmt::format("{} is not above 0 and at most high, which is {}",
                                            chosen.low, chosen.high)};
}

const schema::Registered zoom_augmentation(
    augmentations(), AugmentKind{{.name = "zoom",
                                  .doc = "cuts out a part and enlarges it to the whole size",
                                  .bare = "low",
                                  .options = ZoomOptions{},
                                  .problem = zoom_problem},
                                 make_zoom});

}  // namespace
}  // namespace convoy
