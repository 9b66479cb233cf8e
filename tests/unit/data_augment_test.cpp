#include <gmock/gmock.h>

#include <limits>
#include <numeric>
#include <set>

#include "convoy/data/images/augment.hpp"
#include "data_support.hpp"
#include "step_support.hpp"
#include "train_support.hpp"

namespace convoy {
namespace data_augment_test {

using test::error_of;
using ::testing::HasSubstr;

constexpr float unbounded = std::numeric_limits<float>::infinity();

AugmentStep augment_step(const std::string& kind) {
  return {kind};
}

std::vector<float> ramp(std::size_t n) {
  std::vector<float> values(n);
  std::iota(values.begin(), values.end(), 1.0F);
  return values;
}

std::vector<float> changed(const AugmentStep& step, std::vector<float> values,
                           std::vector<std::int64_t> shape, std::uint64_t seed,
                           float largest = unbounded) {
  Augmentation({step}, std::move(shape)).apply(values, seed, largest);
  return values;
}

TEST(DataAugment, DependsOnTheSeedAlone) {
  for (const char* kind : {"flip", "crop", "zoom", "rotate", "colour", "erase"}) {
    const AugmentStep step = augment_step(kind);
    std::set<std::vector<float>> outcomes;
    for (std::uint64_t seed = 0; seed < 20; ++seed) {
      const auto values = changed(step, ramp(3 * 8 * 8), {3, 8, 8}, seed);
      EXPECT_EQ(values, changed(step, ramp(3 * 8 * 8), {3, 8, 8}, seed)) << kind;
      outcomes.insert(values);
    }
    EXPECT_GE(outcomes.size(), 2U) << kind;
  }
}

TEST(DataAugment, FlipMirrors) {
  AugmentStep flip = augment_step("flip");
  int mirrored = 0;
  for (std::uint64_t seed = 0; seed < 200; ++seed) {
    const auto values = changed(flip, {1, 2, 3, 4}, {1, 2, 2}, seed);
    EXPECT_THAT(values,
                ::testing::AnyOf(std::vector<float>{1, 2, 3, 4}, std::vector<float>{2, 1, 4, 3}));
    mirrored += values[0] == 2;
  }
  EXPECT_GT(mirrored, 70);
  EXPECT_LT(mirrored, 130);
  test::set(flip, "vertical", true);
  std::set<std::vector<float>> outcomes;
  for (std::uint64_t seed = 0; seed < 100; ++seed)
    outcomes.insert(changed(flip, {1, 2, 3, 4}, {1, 2, 2}, seed));
  EXPECT_EQ(outcomes.size(), 4U);
}

TEST(DataAugment, CropMovesWithinABlackBorder) {
  AugmentStep crop = augment_step("crop");
  test::set(crop, "padding", 1);
  std::set<std::vector<float>> outcomes;
  for (std::uint64_t seed = 0; seed < 200; ++seed)
    outcomes.insert(changed(crop, {1, 2, 3, 4}, {1, 2, 2}, seed));
  EXPECT_EQ(outcomes.size(), 9U);
  EXPECT_TRUE(outcomes.contains({1, 2, 3, 4}));
  EXPECT_TRUE(outcomes.contains({0, 0, 0, 1}));
  EXPECT_TRUE(outcomes.contains({4, 0, 0, 0}));
  EXPECT_TRUE(outcomes.contains({0, 0, 1, 2}));
}

TEST(DataAugment, AWholeZoomAndATurnByNothingChangeNothing) {
  AugmentStep zoom = augment_step("zoom");
  test::set(zoom, "low", 1);
  EXPECT_EQ(changed(zoom, ramp(48), {3, 4, 4}, 5), ramp(48));
  AugmentStep rotate = augment_step("rotate");
  test::set(rotate, "degrees", 0);
  EXPECT_EQ(changed(rotate, ramp(48), {3, 4, 4}, 5), ramp(48));
  // A flat image stays so wherever it is cut.
  test::set(zoom, "low", 0.3);
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    const auto values = changed(zoom, std::vector<float>(64, 7), {1, 8, 8}, seed);
    for (std::size_t y = 1; y < 7; ++y) {
      for (std::size_t x = 1; x < 7; ++x) EXPECT_FLOAT_EQ(values[8 * y + x], 7);
    }
  }
}

TEST(DataAugment, ColourStaysInRange) {
  AugmentStep colour = augment_step("colour");
  for (const char* key : {"brightness", "contrast", "saturation"}) test::set(colour, key, 1);
  for (std::uint64_t seed = 0; seed < 50; ++seed) {
    for (const float value : changed(colour, ramp(192), {3, 8, 8}, seed, 255)) {
      EXPECT_GE(value, 0);
      EXPECT_LE(value, 255);
    }
  }
  for (const char* key : {"brightness", "contrast"}) test::set(colour, key, 0);
  const auto grey = changed(colour, std::vector<float>(12, 9), {3, 2, 2}, 1);
  for (const float value : grey) EXPECT_NEAR(value, 9, 1e-4);  // it has no colour to change
}

TEST(DataAugment, EraseBlackensARectangle) {
  AugmentStep erase = augment_step("erase");
  test::set(erase, "p", 1);
  test::set(erase, "high", 0.3);
  for (std::uint64_t seed = 0; seed < 50; ++seed) {
    const auto values = changed(erase, std::vector<float>(2 * 100, 1), {2, 10, 10}, seed);
    const auto black = std::count(values.begin(), values.end(), 0.0F);
    EXPECT_GE(black, 2);
    EXPECT_LE(black, 2 * 45);  // sides are rounded
    EXPECT_TRUE(std::equal(values.begin(), values.begin() + 100, values.begin() + 100));
  }
}

TEST(DataAugment, SaysWhatDoesNotFit) {
  const auto error = [](const AugmentStep& step, std::vector<std::int64_t> shape) {
    return error_of([&] { Augmentation({step}, shape); });
  };
  EXPECT_THAT(error(augment_step("flip"), {13}), HasSubstr("samples of 13 are no images"));
  EXPECT_THAT(error(augment_step("crop"), {1, 4, 4}), HasSubstr("padding 4 does not go with"));
  AugmentStep zoom = augment_step("zoom");
  test::set(zoom, "low", std::numeric_limits<double>::quiet_NaN());
  EXPECT_THAT(error(zoom, {1, 4, 4}), HasSubstr("augment: zoom: low"));
  EXPECT_THAT(error(augment_step("blur"), {1, 4, 4}),
              HasSubstr("augment: there is no augmentation 'blur'"));
}

TEST(DataAugment, AUsersDatasetIsChangedToo) {
  const auto dataset = testing::images(4);
  const std::vector<std::int64_t> samples{2, 0};
  const Batch plain = dataset->read(samples);
  const Batch changed = dataset->read_changed(
      samples, [](std::span<float> features, std::size_t position, float largest) {
        EXPECT_EQ(largest, unbounded);
        for (float& x : features) x += static_cast<float>(position + 1);
      });
  EXPECT_TRUE(changed.features[0].allclose(plain.features[0] + 1));
  EXPECT_TRUE(changed.features[1].allclose(plain.features[1] + 2));
  EXPECT_TRUE(changed.target.equal(plain.target));
}

TEST(DataAugment, TrainsToTheSameBitsWhoeverDoesTheWork) {
  Job job = testing::small_job();
  job.augment = {augment_step("flip"), augment_step("rotate"), augment_step("erase")};
  const auto digest = [&](const Job& of, int replicas) {
    RunOptions options;
    options.replicas = replicas;
    return testing::train(of, build_model(testing::mlp_options(), testing::image_spec()), options)
        .weights_sha256;
  };
  const std::string one = digest(job, 1);
  EXPECT_EQ(digest(job, 3), one);
  Job without = job;
  without.augment.clear();
  EXPECT_NE(digest(without, 1), one);
}

}  // namespace data_augment_test
}  // namespace convoy
