// Z. Zhong et al., Random Erasing Data Augmentation (2017): blackens a rectangle.
#include <algorithm>
#include <cmath>

#include "convoy/data/images/augment.hpp"

namespace convoy {

void describe(schema::Visitor& v, EraseOptions& o) {
  v.key("p", o.p, schema::between(0, 1), "the part of the images that it happens to");
  v.key("high", o.high, schema::between(0, 1), "the largest part of the area");
}

namespace {

void erase(const Canvas& canvas, const EraseOptions& chosen, Dice& dice) {
  if (!dice.chance(chosen.p)) return;
  const double area = dice.between(0, chosen.high) * static_cast<double>(canvas.pixels());
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

AugmentKind::Change make_erase(const schema::AnyOptions& options, const ImageExtent&) {
  const auto part = [](double x) { return x >= 0 && x <= 1; };  // false of NaN
  const auto chosen = options.as<EraseOptions>();
  if (!(part(chosen.p) && part(chosen.high)))
    fail_augmentation("erase", "p and high are from 0 to 1");
  return [chosen](const Canvas& canvas, Dice& dice) { erase(canvas, chosen, dice); };
}

const schema::Registered erase_augmentation(augmentations(),
                                            AugmentKind{
                                                {.name = "erase",
                                                 .doc = "blackens a rectangle (Zhong et al. 2017)",
                                                 .bare = "p",
                                                 .options = EraseOptions{}},
                                                make_erase});

}  // namespace
}  // namespace convoy
