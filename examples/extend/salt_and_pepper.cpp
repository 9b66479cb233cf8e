// An augmentation: salt-and-pepper noise (Gonzalez & Woods, "Digital Image Processing"): some of
// an image's pixels turn white or black, in all channels.
#include <algorithm>
#include <cmath>
#include <convoy/data/images/augment.hpp>
#include <convoy/plugin.hpp>

CONVOY_PLUGIN("salt_and_pepper", "1.0")

namespace {

namespace schema = convoy::schema;

struct NoiseOptions {
  double part = 0.05;
  double salt = 0.5;
};

void describe(schema::Visitor& v, NoiseOptions& o) {
  v.key("part", o.part, schema::between(0, 1), "of the pixels, that it happens to");
  v.key("salt", o.salt, schema::between(0, 1), "of those, the part that turns white");
}

void add_noise(const convoy::Canvas& canvas, const NoiseOptions& o, convoy::Dice& dice) {
  if (canvas.values.empty()) return;
  const float white =
      std::isfinite(canvas.largest) ? canvas.largest : *std::ranges::max_element(canvas.values);
  for (std::int64_t y = 0; y < canvas.height; ++y) {
    for (std::int64_t x = 0; x < canvas.width; ++x) {
      if (!dice.chance(o.part)) continue;
      const float value = dice.chance(o.salt) ? white : 0;
      for (std::int64_t c = 0; c < canvas.channels; ++c) canvas.row(c, y)[x] = value;
    }
  }
}

convoy::AugmentKind::Change make_noise(const schema::AnyOptions& options,
                                       const convoy::ImageExtent& /*size*/) {
  return [o = options.as<NoiseOptions>()](const convoy::Canvas& canvas, convoy::Dice& dice) {
    add_noise(canvas, o, dice);
  };
}

const schema::Registered salt_and_pepper(convoy::augmentations(),
                                         convoy::AugmentKind{
                                             {.name = "salt_and_pepper",
                                              .doc = "some pixels turn white or black",
                                              .bare = "part",
                                              .options = NoiseOptions{}},
                                             make_noise});

}  // namespace
