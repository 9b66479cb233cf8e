#include <ATen/Functions.h>
#include <gmock/gmock.h>

#include <thread>

#include "convoy/data/formats/formats.hpp"
#include "convoy/data/load.hpp"
#include "data_support.hpp"
#include "step_support.hpp"

namespace convoy {
namespace data_load_array_test {

using test::error_of;
using test::idx_u8;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

/// Six 2x2 images of bytes 0..23 and labels 0 1 2 0 1 2.
class DataLoadArray : public ::testing::Test {
 protected:
  DataLoadArray() {
    std::string pixels;
    for (char c = 0; c < 24; ++c) pixels += c;
    directory_.write("images", idx_u8({6, 2, 2}, pixels));
    directory_.write("labels", idx_u8({6}, test::bytes("\0\1\2\0\1\2")));
    data_.train = {"", "images", "labels"};
  }

  Splits load(const std::vector<PreprocessStep>& steps = {}, std::uint64_t seed = 1) const {
    return load_splits({data_, steps, seed, directory_.path()});
  }
  std::string error(const std::vector<PreprocessStep>& steps = {}) const {
    return error_of([&] { load(steps); });
  }

  void write_floats(const std::string& name, std::vector<std::int64_t> shape,
                    const std::vector<float>& values) const {
    Array array;
    array.shape = std::move(shape);
    array.bytes = std::as_bytes(std::span(values));
    directory_.write(name, format_npy(array));
  }

  test::Directory directory_;
  DataOptions data_;
};

std::vector<float> floats(const torch::Tensor& tensor) {
  const torch::Tensor flat = tensor.contiguous().view(-1);
  return {flat.data_ptr<float>(), flat.data_ptr<float>() + flat.numel()};
}

std::vector<std::int64_t> all(const Dataset& dataset) {
  std::vector<std::int64_t> samples(static_cast<std::size_t>(dataset.size()));
  for (std::size_t i = 0; i < samples.size(); ++i) samples[i] = static_cast<std::int64_t>(i);
  return samples;
}

PreprocessStep step(const std::string& kind, const std::string& per = "feature") {
  return test::step_per(kind, per);
}

TEST_F(DataLoadArray, ImagesGetAChannelAndLabelsBecomeClasses) {
  const Splits splits = load();
  EXPECT_EQ(splits.train->size(), 6);
  EXPECT_FALSE(splits.validation);
  EXPECT_FALSE(splits.test);
  const DataSpec& spec = splits.train->spec();
  EXPECT_THAT(spec.feature_shape, ElementsAre(1, 2, 2));
  EXPECT_EQ(spec.task, Task::classification);
  EXPECT_EQ(spec.outputs, 3);
  EXPECT_THAT(spec.class_names, ElementsAre("0", "1", "2"));
  const Batch batch = splits.train->read(std::vector<std::int64_t>{5, 0});
  EXPECT_THAT(batch.features.sizes(), ElementsAre(2, 1, 2, 2));
  EXPECT_THAT(floats(batch.features), ElementsAre(20, 21, 22, 23, 0, 1, 2, 3));
  EXPECT_TRUE(batch.target.equal(torch::tensor({2, 0}, torch::kLong)));
  EXPECT_THAT(batch.samples, ElementsAre(5, 0));
  EXPECT_EQ(splits.train->read({}).features.size(0), 0);
}

TEST_F(DataLoadArray, TheLookUpTableRoundsAsADivisionDoes) {
  std::string pixels;
  for (int i = 0; i < 256; ++i) pixels += static_cast<char>(i);
  directory_.write("images", idx_u8({1, 256}, pixels));
  directory_.write("labels", idx_u8({1}, test::bytes("\1")));
  PreprocessStep scale = step("scale");
  test::set(scale, "by", 255);
  const Batch batch = load({scale}).train->read(std::vector<std::int64_t>{0});
  EXPECT_TRUE(batch.features.equal(torch::arange(256, torch::kFloat).div(255).unsqueeze(0)));
}

TEST_F(DataLoadArray, StandardisesAsScikitLearnDoes) {
  // StandardScaler().fit_transform of the same bytes as a 4 x 6 table.
  directory_.write(
      "images",
      idx_u8({4, 6}, test::bytes("\0\7\3\12\6\2\11\5\1\10\4\0\7\3\12\6\2\11\5\1\10\4\0\7")));
  directory_.write("labels", idx_u8({4}, test::bytes("\0\1\2\0")));
  const Splits splits = load({step("standardise")});
  EXPECT_THAT(
      floats(splits.train->read(all(*splits.train)).features),
      ::testing::Pointwise(
          ::testing::FloatEq(),
          std::vector<float>{-1.5696137f, 1.3416408f,  -0.6868028f, 1.3416408f,   1.3416408f,
                             -0.6868028f, 1.1211526f,  0.4472136f,  -1.236245f,   0.4472136f,
                             0.4472136f,  -1.236245f,  0.52320457f, -0.4472136f,  1.236245f,
                             -0.4472136f, -0.4472136f, 1.236245f,   -0.07474351f, -1.3416408f,
                             0.6868028f,  -1.3416408f, -1.3416408f, 0.6868028f}));
}

TEST_F(DataLoadArray, StatisticsPerAllAndPerChannel) {
  // Bytes 0..23: mean 11.5, variance (24^2 - 1) / 12.
  const Splits together = load({step("standardise", "all")});
  const float lowest = floats(together.train->read(std::vector<std::int64_t>{0}).features)[0];
  EXPECT_FLOAT_EQ(lowest, static_cast<float>(-11.5 / std::sqrt(575.0 / 12)));

  std::string pixels;
  for (char c = 0; c < 8; ++c) pixels += c;
  directory_.write("images", idx_u8({2, 2, 2, 1}, pixels));  // 2 samples, 2 channels, 2x1
  directory_.write("labels", idx_u8({2}, test::bytes("\0\1")));
  PreprocessStep min_max = step("min_max", "channel");
  test::set(min_max, "low", -1);
  const Splits channels = load({min_max});
  // Channel 0 holds 0 1 4 5, channel 1 holds 2 3 6 7.
  EXPECT_THAT(floats(channels.train->read(all(*channels.train)).features),
              ::testing::Pointwise(::testing::FloatEq(),
                                   std::vector<float>{-1, -0.6f, -1, -0.6f, 0.6f, 1, 0.6f, 1}));
}

TEST_F(DataLoadArray, StepsWorkOnWhatTheStepsBeforeLeave) {
  PreprocessStep clip = step("clip");
  test::set(clip, "low", 4);
  test::set(clip, "high", 8);
  const Splits splits = load({clip, step("min_max", "all")});
  EXPECT_THAT(floats(splits.train->read(std::vector<std::int64_t>{1, 2}).features),
              ElementsAre(0, 0.25f, 0.5f, 0.75f, 1, 1, 1, 1));
}

TEST_F(DataLoadArray, StatisticsComeFromTheTrainingSplitAlone) {
  data_.test_part = 1.0 / 3;
  data_.validation = 1.0 / 6;
  const Splits splits = load({step("min_max", "all")});
  EXPECT_EQ(splits.train->size(), 3);
  EXPECT_EQ(splits.validation->size(), 1);
  EXPECT_EQ(splits.test->size(), 2);
  const Batch train = splits.train->read(all(*splits.train));
  EXPECT_EQ(train.features.min().item<float>(), 0);
  EXPECT_EQ(train.features.max().item<float>(), 1);
  // The affine map of the training split, on the others: value = 4 * row + pixel.
  const auto low = 4.0 * static_cast<double>(train.samples.front());
  const auto range = 4.0 * static_cast<double>(train.samples.back()) + 3 - low;
  for (const auto& dataset : {splits.test, splits.validation}) {
    const Batch batch = dataset->read(all(*dataset));
    for (std::int64_t i = 0; i < batch.size(); ++i) {
      const double raw = 4.0 * static_cast<double>(batch.samples[static_cast<std::size_t>(i)]);
      EXPECT_FLOAT_EQ(batch.features[i][0][0][0].item<float>(),
                      static_cast<float>((raw - low) / range));
    }
  }
}

TEST_F(DataLoadArray, BatchesDoNotChangeASamplesBits) {
  write_floats("images.npy", {6, 5}, [] {
    std::vector<float> values(30);
    for (std::size_t i = 0; i < values.size(); ++i)
      values[i] = 1.0f / static_cast<float>(3 + i * i);
    return values;
  }());
  data_.train.features = "images.npy";
  const Splits splits = load({step("standardise"), step("min_max", "all")});
  const Batch whole = splits.train->read(all(*splits.train));
  std::vector<std::thread> threads;
  for (std::int64_t i = 0; i < 6; ++i) {
    threads.emplace_back([&, i] {
      const Batch one = splits.train->read(std::vector<std::int64_t>{i});
      EXPECT_TRUE(one.features[0].equal(whole.features[i]));
    });
  }
  for (std::thread& thread : threads) thread.join();
}

TEST_F(DataLoadArray, TestFilesGoThroughTheSameSteps) {
  directory_.write("test-images", idx_u8({1, 2, 2}, test::bytes("\0\x17\x2e\0")));
  directory_.write("test-labels", idx_u8({1}, test::bytes("\1")));
  data_.test = {"", "test-images", "test-labels"};
  const Splits splits = load({step("min_max", "all")});
  EXPECT_THAT(floats(splits.test->read(std::vector<std::int64_t>{0}).features),
              ElementsAre(0, 1, 2, 0));
  directory_.write("test-labels", idx_u8({1}, test::bytes("\3")));
  EXPECT_EQ(error(),
            directory_.path().string() + "/test-labels, sample 0: label 3 is outside 0..2");
  directory_.write("test-labels", idx_u8({1}, test::bytes("\1")));
  directory_.write("test-images", idx_u8({1, 4, 1}, "abcd"));
  EXPECT_THAT(error(), HasSubstr("test-images: samples of 1x4x1 where"));
}

TEST_F(DataLoadArray, ReportsLabelsThatDoNotFit) {
  data_.classes = 2;
  EXPECT_THAT(error(), HasSubstr("labels, sample 2: label 2 is outside 0..1"));
  data_.classes = 0;
  directory_.write("labels", idx_u8({5}, test::bytes("\0\1\2\0\1")));
  EXPECT_EQ(error(), directory_.path().string() + "/labels: has 5 labels, but " +
                         directory_.path().string() + "/images has 6 samples");
  directory_.write("labels", idx_u8({3, 2, 1}, "abcdef"));
  EXPECT_THAT(error(), HasSubstr("labels of shape 3x2x1"));
}

TEST_F(DataLoadArray, ReportsValuesThatAreNotFinite) {
  std::vector<float> values(12, 1.0f);
  values[7] = std::numeric_limits<float>::quiet_NaN();
  write_floats("images.npy", {6, 2}, values);
  data_.train.features = "images.npy";
  EXPECT_THAT(error(), HasSubstr("images.npy, sample 3: element 1 is nan"));
  EXPECT_THAT(error(), HasSubstr("impute and drop_missing do it for CSV"));
}

TEST_F(DataLoadArray, ReportsStepsAndFilesThatDoNotFit) {
  EXPECT_THAT(error({step("impute")}), HasSubstr("preprocess: impute needs CSV features"));
  PreprocessStep named = step("scale");
  test::set(named, "columns", std::vector<std::string>{"x"});
  EXPECT_THAT(error({named}), HasSubstr("no named columns"));
  PreprocessStep zero = step("scale");
  test::set(zero, "by", 0);
  EXPECT_THAT(error({zero}), HasSubstr("by: 0 is not a number to divide by"));
  data_.train.labels = "lables";
  EXPECT_THAT(error(), HasSubstr("lables: cannot open"));
  data_.train.labels = "";
  EXPECT_THAT(error(), HasSubstr("data.train: `features` without `labels`"));
  data_.train.labels = "labels";
  directory_.write("train-images-idx3-ubyte", "<html>");
  data_.train.features = "train-images-idx3-ubyte";
  EXPECT_THAT(error(), HasSubstr("wrong magic 0x3c68746d: not an IDX file"));
}

TEST_F(DataLoadArray, FloatTargetsAreRegressionAndZeroOneIsBinary) {
  write_floats("y.npy", {6, 2}, {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12});
  data_.train.labels = "y.npy";
  const Splits two = load();
  EXPECT_EQ(two.train->spec().task, Task::regression);
  EXPECT_EQ(two.train->spec().outputs, 2);
  EXPECT_THAT(floats(two.train->read(std::vector<std::int64_t>{4}).target), ElementsAre(9, 10));
  directory_.write("labels", idx_u8({6}, test::bytes("\0\1\1\0\0\0")));
  data_.train.labels = "labels";
  const Splits binary = load();
  EXPECT_EQ(binary.train->spec().task, Task::binary);
  EXPECT_EQ(binary.train->spec().outputs, 1);
  const Batch batch = binary.train->read(std::vector<std::int64_t>{2, 3});
  EXPECT_THAT(batch.target.sizes(), ElementsAre(2, 1));
  EXPECT_THAT(floats(batch.target), ElementsAre(1, 0));
  data_.task = "classification";
  EXPECT_EQ(load().train->spec().outputs, 2);
}

TEST_F(DataLoadArray, PredictionRepeatsTheTrainingTransform) {
  const Splits splits = load({step("standardise"), step("clip")});
  // Through text, as a model file does.
  const auto fitted = nlohmann::ordered_json::parse(splits.fitted.dump());
  EXPECT_EQ(fitted, splits.fitted);
  const auto again = load_for_prediction(data_, {"", "images", ""}, fitted, directory_.path());
  const Batch batch = again->read(all(*again));
  EXPECT_TRUE(batch.features.equal(splits.train->read(all(*splits.train)).features));
  EXPECT_FALSE(batch.target.defined());
  const auto labelled =
      load_for_prediction(data_, {"", "images", "labels"}, fitted, directory_.path());
  EXPECT_TRUE(labelled->read(std::vector<std::int64_t>{1}).target.defined());
  auto damaged = fitted;
  damaged["steps"][0]["divide"] = {1, 2, 3};
  EXPECT_THAT(error_of([&] {
                load_for_prediction(data_, {"", "images", ""}, damaged, directory_.path());
              }),
              HasSubstr("damaged"));
}

TEST(DataTensors, ChecksThatTheyFitTheTask) {
  DataSpec spec;
  spec.feature_shape = {2};
  spec.outputs = 2;
  const auto features = torch::zeros({3, 2});
  const auto labels = torch::tensor({0, 1, 1}, torch::kLong);
  EXPECT_EQ(tensor_dataset(features, labels, spec)->size(), 3);
  EXPECT_THAT(error_of([&] { tensor_dataset(features, labels.add(1), spec); }),
              HasSubstr("sample 1: label 2 is outside 0..1"));
  EXPECT_THAT(error_of([&] { tensor_dataset(features, labels.to(torch::kFloat), spec); }),
              HasSubstr("int64"));
  EXPECT_THAT(error_of([&] {
                tensor_dataset(torch::zeros({3, 5}), labels, spec);
              }),
              HasSubstr("not samples of 2"));
  EXPECT_THAT(error_of([&] {
                tensor_dataset(torch::zeros({4, 2}), labels, spec);
              }),
              HasSubstr("a row per sample"));
  spec.task = Task::binary;
  spec.outputs = 1;
  EXPECT_THAT(error_of([&] {
                tensor_dataset(features, torch::full({3, 1}, 0.5), spec);
              }),
              HasSubstr("neither 0 nor 1"));
}

TEST(DataTensors, SubsetsRenumberAndKeepTheOtherNumbers) {
  DataSpec spec;
  spec.feature_shape = {1};
  spec.outputs = 1;
  spec.task = Task::regression;
  const auto column = torch::arange(5, torch::kFloat).unsqueeze(1);
  const auto odd = subset(tensor_dataset(column, column, spec), {3, 1});
  EXPECT_EQ(odd->size(), 2);
  const Batch batch = odd->read(std::vector<std::int64_t>{1, 0, 1});
  EXPECT_THAT(floats(batch.features), ElementsAre(1, 3, 1));
  EXPECT_THAT(batch.samples, ElementsAre(1, 3, 1));
  EXPECT_THAT(error_of([&] { odd->read(std::vector<std::int64_t>{2}); }),
              HasSubstr("sample 2 does not exist"));
  EXPECT_THAT(error_of([&] { subset(odd, {0, 2}); }), HasSubstr("sample 2 does not exist"));
}

}  // namespace data_load_array_test
}  // namespace convoy
