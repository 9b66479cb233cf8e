#include <gmock/gmock.h>
#include <png.h>
#include <stdlib.h>
#include <turbojpeg.h>

#include <cmath>
#include <set>
#include <thread>

#include "convoy/core/file.hpp"
#include "convoy/data/load.hpp"
#include "data/images/folder.hpp"
#include "data/images/image.hpp"
#include "data_support.hpp"

namespace convoy {
namespace data_images_test {

namespace fs = std::filesystem;
using test::error_of;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

/// An image whose channel c at (x, y) is what `value` says.
template <typename Value>
Image painted(std::int64_t width, std::int64_t height, std::int64_t channels, Value value) {
  Image image{{width, height}, channels, {}};
  for (std::int64_t y = 0; y < height; ++y) {
    for (std::int64_t x = 0; x < width; ++x) {
      for (std::int64_t c = 0; c < channels; ++c)
        image.pixels.push_back(static_cast<std::uint8_t>(value(x, y, c)));
    }
  }
  return image;
}

Image plain(std::int64_t width, std::int64_t height, int red, int green, int blue) {
  return painted(width, height, 3, [&](auto, auto, auto c) {
    return c == 0 ? red : c == 1 ? green : blue;
  });
}

std::string png_of(const Image& image) {
  png_image png{};
  png.version = PNG_IMAGE_VERSION;
  png.width = static_cast<png_uint_32>(image.size.width);
  png.height = static_cast<png_uint_32>(image.size.height);
  png.format = image.channels == 4   ? PNG_FORMAT_RGBA
               : image.channels == 3 ? PNG_FORMAT_RGB
                                     : PNG_FORMAT_GRAY;
  png_alloc_size_t size = 0;
  png_image_write_to_memory(&png, nullptr, &size, 0, image.pixels.data(), 0, nullptr);
  std::string out(size, '\0');
  png_image_write_to_memory(&png, out.data(), &size, 0, image.pixels.data(), 0, nullptr);
  out.resize(size);
  return out;
}

std::string jpeg_of(const Image& image, int quality = 95) {
  const tjhandle handle = tjInitCompress();
  unsigned char* data = nullptr;
  unsigned long size = 0;  // NOLINT: as libjpeg-turbo has it
  tjCompress2(handle, image.pixels.data(), static_cast<int>(image.size.width), 0,
              static_cast<int>(image.size.height), image.channels == 3 ? TJPF_RGB : TJPF_GRAY,
              &data, &size, image.channels == 3 ? TJSAMP_444 : TJSAMP_GRAY, quality, 0);
  std::string out(reinterpret_cast<const char*>(data), size);
  tjFree(data);
  tjDestroy(handle);
  return out;
}

Image decoded(const std::string& bytes, std::int64_t channels = 3, ImageSize enough = {}) {
  return decode_image(test::bytes_of(bytes), "x", channels, enough);
}

TEST(DataImages, DecodesWhatWasEncoded) {
  const Image image =
      painted(7, 5, 3, [](auto x, auto y, auto c) { return 20 * x + 10 * y + 40 * c; });
  EXPECT_EQ(decoded(png_of(image)).pixels, image.pixels);
  const Image lossy = decoded(jpeg_of(image, 100));
  ASSERT_EQ(lossy.pixels.size(), image.pixels.size());
  for (std::size_t i = 0; i < image.pixels.size(); ++i)
    EXPECT_NEAR(lossy.pixels[i], image.pixels[i], 4);
  const Image grey = painted(4, 3, 1, [](auto x, auto y, auto) { return 60 * x + y; });
  EXPECT_EQ(decoded(png_of(grey), 1).pixels, grey.pixels);
  const Image coloured = decoded(png_of(grey));
  EXPECT_EQ(coloured.channels, 3);
  EXPECT_EQ(coloured.pixels[3], 60);
  EXPECT_EQ(coloured.pixels[4], 60);
  EXPECT_NEAR(decoded(jpeg_of(plain(8, 8, 200, 100, 50)), 1).pixels[9],
              0.299 * 200 + 0.587 * 100 + 0.114 * 50, 3);
}

TEST(DataImages, TransparentPartsBecomeWhite) {
  const Image image = painted(2, 1, 4, [](auto x, auto, auto c) { return c == 3 ? 255 * x : 10; });
  EXPECT_THAT(decoded(png_of(image)).pixels, ElementsAre(255, 255, 255, 10, 10, 10));
}

TEST(DataImages, ReducesLargeJpegsWhileDecoding) {
  const std::string large = jpeg_of(plain(160, 96, 250, 120, 10));
  const Image small = decoded(large, 3, {20, 12});
  EXPECT_EQ(small.size, (ImageSize{20, 12}));
  EXPECT_NEAR(small.pixels[0], 250, 4);
  EXPECT_EQ(decoded(large, 3, {21, 12}).size, (ImageSize{40, 24}));
  EXPECT_EQ(decoded(large, 3, {100, 12}).size, (ImageSize{160, 96}));
}

TEST(DataImages, SaysWhatIsNoWholeImage) {
  const std::string png = png_of(plain(32, 32, 1, 2, 3));
  const std::string jpeg = jpeg_of(
      painted(32, 32, 3, [](auto x, auto y, auto c) { return (x * 37 + y * 91 + c) % 256; }));
  const auto error = [](const std::string& bytes) { return error_of([&] { decoded(bytes); }); };
  EXPECT_THAT(error("GIF89a"), HasSubstr("x: is neither a JPEG nor a PNG image"));
  EXPECT_THAT(error(png.substr(0, 40)), HasSubstr("is not a whole PNG image"));
  EXPECT_THAT(error(png.substr(0, png.size() - 30)), HasSubstr("is not a whole PNG image"));
  EXPECT_THAT(error(jpeg.substr(0, jpeg.size() / 2)), HasSubstr("is not a whole JPEG image"));
  EXPECT_THAT(error(jpeg.substr(0, 20)), HasSubstr("is an image without pixels"));
  std::string huge = png;
  huge[16] = huge[20] = '\x01';  // a width and height of 16 million
  EXPECT_THAT(error(huge), ::testing::ContainsRegex("is (an image of|not a whole PNG)"));
}

TEST(DataImages, ResamplesAsAveragesAndInBetween) {
  const Image steps = painted(4, 4, 1, [](auto x, auto, auto) { return x < 2 ? 0 : 200; });
  const Image half = resample(steps, {0, 0, 4, 4}, {2, 2});
  EXPECT_NEAR(half.pixels[0], 200 / 7.0,
              1);  // weights of 3, 3 and 1; what lies beyond the edge has none
  EXPECT_NEAR(half.pixels[1], 200 * 6 / 7.0, 1);
  const Image one = resample(steps, {0, 0, 4, 4}, {1, 1});
  EXPECT_NEAR(one.pixels[0], 100, 1);
  const Image twice = resample(steps, {0, 0, 4, 4}, {8, 4});
  EXPECT_THAT(std::vector<int>(twice.pixels.begin(), twice.pixels.begin() + 8),
              ElementsAre(0, 0, 0, 50, 150, 200, 200, 200));
  const Image same = resample(steps, {0, 0, 4, 4}, {4, 4});
  EXPECT_EQ(same.pixels, steps.pixels);
}

TEST(DataImages, FitsOtherShapes) {
  // Left third red, middle green, right blue.
  const Image wide = painted(12, 4, 3, [](auto x, auto, auto c) { return x / 4 == c ? 240 : 0; });
  const Image cut = fit_image(wide, {4, 4}, "crop");
  for (std::size_t i = 0; i < cut.pixels.size(); i += 3) EXPECT_GE(cut.pixels[i + 1], 235);
  const Image padded = fit_image(wide, {12, 12}, "pad");
  EXPECT_EQ(padded.pixels[0], 0);
  const std::uint8_t* middle = padded.pixels.data() + (6 * 12 + 6) * 3;
  EXPECT_GE(middle[1], 235);
  const Image stretched = fit_image(wide, {3, 3}, "stretch");
  EXPECT_GE(stretched.pixels[0], 190);
  EXPECT_GE(stretched.pixels[8], 190);
}

/// Folders red/, green/ and blue/ of images that are mostly so.
class DataImageFolder : public ::testing::Test {
 protected:
  DataImageFolder() {
    ::setenv("CONVOY_CACHE", (directory_.path() / "cache").c_str(), 1);
    data_.train.file = "photos";
    data_.images.width = 6;
    for (int i = 0; i < 4; ++i) {
      write("photos/red/" + std::to_string(i) + ".png", png_of(plain(8 + i, 8, 200 + i, 30, 30)));
      write("photos/green/deep/" + std::to_string(i) + ".JPG",
            jpeg_of(plain(8, 9 + i, 30, 200 + i, 30)));
      write("photos/blue/" + std::to_string(i) + ".jpeg", jpeg_of(plain(6, 6, 30, 30, 200 + i)));
    }
    write("photos/red/notes.txt", "not an image");
    write("photos/red/.hidden.png", "nor this");
    fs::create_symlink("0.png", directory_.path() / "photos/red/alias.png");
  }
  ~DataImageFolder() override { ::unsetenv("CONVOY_CACHE"); }

  void write(const std::string& name, const std::string& content) const {
    fs::create_directories((directory_.path() / name).parent_path());
    directory_.write(name, content);
  }
  Splits load(const std::vector<PreprocessStep>& steps = {}) const {
    return load_splits({data_, steps, 1, directory_.path()});
  }
  std::string error() const {
    return error_of([&] { load(); });
  }
  fs::path decoded_file() const {
    for (const auto& entry : fs::recursive_directory_iterator(directory_.path() / "cache")) {
      if (entry.path().filename() == "samples.npy") return entry.path();
    }
    return {};
  }

  test::Directory directory_;
  DataOptions data_;
};

std::vector<std::int64_t> first(std::int64_t n) {
  std::vector<std::int64_t> samples(static_cast<std::size_t>(n));
  for (std::int64_t i = 0; i < n; ++i) samples[static_cast<std::size_t>(i)] = i;
  return samples;
}

TEST_F(DataImageFolder, ClassesAreTheFolders) {
  const Splits splits = load();
  const DataSpec& spec = splits.train->spec();
  EXPECT_THAT(spec.feature_shape, ElementsAre(3, 6, 6));
  EXPECT_THAT(spec.class_names, ElementsAre("blue", "green", "red"));
  ASSERT_EQ(splits.train->size(), 12);
  const Batch batch = splits.train->read(first(12));
  for (std::int64_t i = 0; i < 12; ++i) {
    // The channels in another order than the classes: red, green, blue.
    const auto brightest = batch.features[i].mean({1, 2}).argmax().item<std::int64_t>();
    EXPECT_EQ(brightest, 2 - batch.target[i].item<std::int64_t>());
  }
}

TEST_F(DataImageFolder, DecodesOnceAndAgainWhenSomethingChanged) {
  load();
  const fs::path file = decoded_file();
  ASSERT_FALSE(file.empty());
  const auto written = fs::last_write_time(file);
  const Batch before = load().train->read(first(12));
  EXPECT_EQ(fs::last_write_time(file), written);
  // Damage in the cache is mended.
  std::string bytes = read_text_file(file);
  bytes[bytes.size() - 5] ^= 1;
  std::ofstream(file, std::ios::binary) << bytes;
  EXPECT_TRUE(load().train->read(first(12)).features.equal(before.features));
  fs::resize_file(file, 100);
  EXPECT_TRUE(load().train->read(first(12)).features.equal(before.features));
  // Another image is another array.
  write("photos/red/0.png", png_of(plain(8, 8, 0, 0, 0)));
  EXPECT_FALSE(load().train->read(first(12)).features.equal(before.features));
}

TEST_F(DataImageFolder, ThreadsThatWantTheSameGetTheSame) {
  std::vector<torch::Tensor> features(3);
  {
    std::vector<std::jthread> threads;
    for (torch::Tensor& own : features)
      threads.emplace_back([&] { own = load().train->read(first(12)).features; });
  }
  EXPECT_TRUE(features[0].equal(features[1]));
  EXPECT_TRUE(features[0].equal(features[2]));
}

TEST_F(DataImageFolder, WithoutASizeAllMustBeAlike) {
  data_.images.width = 0;
  EXPECT_THAT(error(), HasSubstr("where the first image, blue/0.jpeg, is 6 x 6"));
  EXPECT_THAT(error(), HasSubstr("set data.images.width and height"));
  fs::remove_all(directory_.path() / "photos/green");
  fs::remove_all(directory_.path() / "photos/red");
  write("photos/white/a.png", png_of(plain(6, 6, 255, 255, 255)));
  EXPECT_THAT(load().train->spec().feature_shape, ElementsAre(3, 6, 6));
}

TEST_F(DataImageFolder, SkipsOrStopsAtWhatIsNoImage) {
  write("photos/green/bad.jpg", "this is text");
  EXPECT_THAT(error(), HasSubstr("photos/green/bad.jpg: is neither a JPEG nor a PNG image"));
  data_.on_bad_sample = "skip";
  data_.max_bad_samples = 0.2;
  const Splits splits = load();
  EXPECT_EQ(splits.train->size(), 12);
  EXPECT_EQ(splits.skipped_samples, 1);
  EXPECT_THAT(splits.skipped[0], HasSubstr("bad.jpg"));
}

TEST_F(DataImageFolder, SaysWhatIsWrongWithAFolder) {
  write("photos/lost.png", png_of(plain(8, 8, 1, 1, 1)));
  EXPECT_THAT(error(), HasSubstr("'lost.png' is in no folder of a class"));
  data_.train.file = "photos/red/0.png";
  data_.format = "images";
  EXPECT_THAT(error(), HasSubstr("is a file; images are given as the folder"));
  data_.format = "auto";
  fs::create_directories(directory_.path() / "empty");
  data_.train.file = "empty";
  EXPECT_THAT(error(), HasSubstr("holds no images"));
}

TEST_F(DataImageFolder, FeaturesWithLabelsOfTheirOwn) {
  data_.train = {};
  data_.train.features = "photos";
  std::string labels = "size\n";
  for (int i = 0; i < 12; ++i) labels += std::to_string(i) + ".5\n";
  directory_.write("sizes.csv", labels);
  data_.train.labels = "sizes.csv";
  const Splits splits = load();
  EXPECT_EQ(splits.train->spec().task, Task::regression);
  EXPECT_EQ(splits.train->size(), 12);
}

TEST_F(DataImageFolder, PredictsImagesOfAnySizeWithoutClasses) {
  const PreprocessStep scale{"scale", ScaleOptions{.by = 255}};
  const Splits splits = load({scale});
  write("new/a.png", png_of(plain(31, 17, 255, 0, 0)));
  DataFiles files;
  files.file = "new";
  const auto fresh = load_for_prediction(data_, files, splits.fitted, directory_.path());
  const Batch batch = fresh->read(first(1));
  EXPECT_THAT(batch.features.sizes().vec(), ElementsAre(1, 3, 6, 6));
  EXPECT_FLOAT_EQ(batch.features[0][0].min().item<float>(), 1);
  EXPECT_FALSE(batch.target.defined());
}

}  // namespace data_images_test
}  // namespace convoy
