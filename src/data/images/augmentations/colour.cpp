// Changes brightness, contrast and saturation.
#include <algorithm>

#include "convoy/data/images/augment.hpp"

namespace convoy {

void describe(schema::Visitor& v, ColourOptions& o) {
  v.key("brightness", o.brightness, schema::between(0, 1), "x of the brightness");
  v.key("contrast", o.contrast, schema::between(0, 1), "x of the distance to the image's mean");
  v.key("saturation", o.saturation, schema::between(0, 1), "x of the distance to grey");
}

namespace {

/// Of red, green and blue as ITU-R BT.601 weighs them; of one channel itself.
float grey_at(const Canvas& canvas, std::size_t pixel) {
  if (canvas.channels != 3) return canvas.plane(0)[pixel];
  return 0.299F * canvas.plane(0)[pixel] + 0.587F * canvas.plane(1)[pixel] +
         0.114F * canvas.plane(2)[pixel];
}

void bound(const Canvas& canvas) {
  for (float& value : canvas.values) value = std::clamp(value, 0.0F, canvas.largest);
}

void change_colour(const Canvas& canvas, const ColourOptions& chosen, Dice& dice) {
  const auto factor = [&dice](double x) { return static_cast<float>(dice.between(1 - x, 1 + x)); };
  const float brightness = factor(chosen.brightness);
  const float contrast = factor(chosen.contrast);
  const float saturation = factor(chosen.saturation);
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

AugmentKind::Change make_colour(const schema::AnyOptions& options, const ImageExtent&) {
  const auto part = [](double x) { return x >= 0 && x <= 1; };  // false of NaN
  const auto chosen = options.as<ColourOptions>();
  if (!(part(chosen.brightness) && part(chosen.contrast) && part(chosen.saturation)))
    fail_augmentation("colour", "brightness, contrast and saturation are from 0 to 1");
  return [chosen](const Canvas& canvas, Dice& dice) { change_colour(canvas, chosen, dice); };
}

const schema::Registered colour_augmentation(
    augmentations(),
    AugmentKind{{.name = "colour",
                 .doc = "multiplies brightness, contrast and saturation, each by 1 - x to 1 + x",
                 .options = ColourOptions{}},
                make_colour});

}  // namespace
}  // namespace convoy
