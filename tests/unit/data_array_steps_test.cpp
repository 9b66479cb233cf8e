// The preprocessing steps that arrays have too.
#include <ATen/Functions.h>
#include <fmt/format.h>
#include <gmock/gmock.h>

#include <algorithm>
#include <cmath>

#include "convoy/data/formats/formats.hpp"
#include "convoy/data/load.hpp"
#include "data_peers.hpp"
#include "data_support.hpp"
#include "step_support.hpp"

namespace convoy {
namespace data_array_steps_test {

using test::error_of;
using test::idx_u8;
using ::testing::FloatNear;
using ::testing::HasSubstr;
using ::testing::Pointwise;

class DataArraySteps : public ::testing::Test {
 protected:
  /// Samples of two elements.
  void write(const std::vector<float>& values) {
    Array array;
    array.shape = {static_cast<std::int64_t>(values.size() / 2), 2};
    array.bytes = std::as_bytes(std::span(values));
    directory_.write("x.npy", format_npy(array));
    std::string labels;
    for (std::size_t i = 0; i < values.size() / 2; ++i) labels += static_cast<char>(i % 2);
    directory_.write("labels", idx_u8({static_cast<std::uint32_t>(values.size() / 2)}, labels));
    data_.train = {"", "x.npy", "labels"};
  }
  static PreprocessStep kind(const std::string& name, const std::string& per = "feature") {
    return test::step_per(name, per);
  }
  Splits load(const std::vector<PreprocessStep>& steps, Peers* peers = nullptr) const {
    return load_splits({data_, steps, 1, directory_.path()}, peers);
  }
  static std::vector<float> values(const Dataset& dataset) {
    std::vector<std::int64_t> samples;
    for (std::int64_t i = 0; i < dataset.size(); ++i) samples.push_back(i);
    const torch::Tensor flat = dataset.read(samples).features.contiguous().view(-1);
    return {flat.data_ptr<float>(), flat.data_ptr<float>() + flat.numel()};
  }

  test::Directory directory_;
  DataOptions data_;
};

TEST_F(DataArraySteps, EachElementHasItsOwnOrAllShareOne) {
  write({1, 10, 2, 20, 3, 30, 4, 40});
  EXPECT_THAT(values(*load({kind("robust")}).train),
              Pointwise(FloatNear(1e-6f), std::vector<float>{-1, -1, -1.0f / 3, -1.0f / 3, 1.0f / 3,
                                                             1.0f / 3, 1, 1}));
  // Of all eight: median 7, quartiles 2.75 and 22.5.
  EXPECT_NEAR(values(*load({kind("robust", "all")}).train)[7], 33 / 19.75, 1e-6);
  EXPECT_THAT(values(*load({kind("quantile")}).train),
              Pointwise(FloatNear(1e-6f),
                        std::vector<float>{0, 0, 1.0f / 3, 1.0f / 3, 2.0f / 3, 2.0f / 3, 1, 1}));
  const auto powers = values(*load({kind("box_cox"), kind("yeo_johnson")}).train);
  EXPECT_NEAR(powers[0], powers[1], 1e-4);  // one is ten times the other
}

TEST_F(DataArraySteps, PrincipalComponentsAreThoseOfATable) {
  write({1, 2, 2, 4, 3, 7, 4, 8, 6, 7});
  directory_.write("x.csv", "a,b,y\n1,2,0\n2,4,1\n3,7,0\n4,8,1\n6,7,0\n");
  DataOptions table;
  table.train = {"x.csv", "", ""};
  table.target = {"y"};
  PreprocessStep pca = kind("pca");
  for (const std::int64_t components : {0, 1}) {
    test::set(pca, "components", components);
    const Splits splits = load({kind("standardise"), pca, kind("min_max")});
    EXPECT_EQ(splits.train->spec().feature_shape,
              (std::vector<std::int64_t>{components == 0 ? 2 : 1}));
    const std::vector<float> made = values(*splits.train);
    EXPECT_EQ(
        made,
        values(
            *load_splits({table, {kind("standardise"), pca, kind("min_max")}, 1, directory_.path()})
                 .train))
        << "the same bits";
    DataFiles files;
    files.features = "x.npy";
    EXPECT_EQ(made, values(*load_for_prediction(data_, files, splits.fitted, directory_.path())))
        << "the steps travel with the model";
  }
  test::set(pca, "components", 3);
  EXPECT_THAT(error_of([&] { load({pca}); }),
              HasSubstr("components: 3: there are at most 2 of 2 elements of a sample and 5 rows"));
}

TEST_F(DataArraySteps, PrincipalComponentsOfBytesAreNotLookedUp) {
  directory_.write("x", idx_u8({3, 2}, std::string("\1\2\2\4\3\6", 6)));
  directory_.write("labels", idx_u8({3}, std::string("\0\1\0", 3)));
  data_.train = {"", "x", "labels"};
  PreprocessStep pca = kind("pca");
  test::set(pca, "components", 1);
  test::set(pca, "whiten", false);
  EXPECT_THAT(
      values(*load({pca}).train),
      Pointwise(FloatNear(1e-6f), std::vector<float>{-std::sqrt(5.0f), 0, std::sqrt(5.0f)}));
}

TEST_F(DataArraySteps, BytesAreLookedUpOrRefused) {
  directory_.write("images", idx_u8({2, 2}, test::bytes("\1\2\3\4")));
  directory_.write("labels", idx_u8({2}, test::bytes("\0\1")));
  directory_.write("zero", idx_u8({2, 2}, test::bytes("\1\2\0\4")));
  data_.train = {"", "images", "labels"};
  const std::vector<float> logs = {std::log(2.0f), std::log(3.0f), std::log(4.0f), std::log(5.0f)};
  EXPECT_THAT(values(*load({kind("log")}).train), Pointwise(FloatNear(1e-6f), logs));
  const Splits splits = load({kind("box_cox", "all")});
  EXPECT_EQ(values(*splits.train).size(), 4);
  const auto fresh = load_for_prediction(data_, {"", "zero", ""}, splits.fitted, directory_.path());
  EXPECT_EQ(fresh->read(std::vector<std::int64_t>{0}).features.numel(), 2);
  EXPECT_THAT(error_of([&] { fresh->read(std::vector<std::int64_t>{1}); }),
              HasSubstr("zero, sample 1: element 0 is 0; box_cox takes numbers above 0"));
}

TEST_F(DataArraySteps, TheWorkerThatFindsAnImpossibleNumberSaysSoToAll) {
  std::vector<float> numbers(400, 1.0f);
  numbers[301] = -2;
  write(numbers);
  EXPECT_THAT(error_of([&] { load({kind("log")}); }),
              HasSubstr("x.npy, sample 150: element 1 is -2; log takes numbers above -1"));
  std::vector<std::string> messages(3);
  test::run_workers(3, [&](Peers& peers) {
    messages[static_cast<std::size_t>(peers.rank())] =
        error_of([&] { load({kind("log")}, &peers); });
  });
  // The one that has the sample says it as it is, the others say whose it is.
  for (const std::string& message : messages)
    EXPECT_THAT(message, HasSubstr("x.npy, sample 150: element 1 is -2"));
  EXPECT_EQ(std::count_if(messages.begin(), messages.end(),
                          [](const std::string& message) { return message.starts_with("worker"); }),
            2);
}

TEST_F(DataArraySteps, StepsOfTablesNeedTables) {
  write({1, 2, 3, 4});
  for (const char* name : {"outliers", "ordinal", "to_number", "drop_duplicates"})
    EXPECT_THAT(error_of([&] { load({kind(name)}); }), HasSubstr("or another table")) << name;
}

TEST_F(DataArraySteps, ARecordOfTheWrongShapeIsRefused) {
  write({1, 2, 3, 4});
  const Splits splits = load({kind("quantile")});
  auto fitted = splits.fitted;
  fitted["steps"][0]["quantiles"].push_back({1, 2});
  EXPECT_THAT(error_of([&] {
                load_for_prediction(data_, {"", "x.npy", ""}, fitted, directory_.path());
              }),
              HasSubstr("does not fit samples of"));
}

}  // namespace data_array_steps_test
}  // namespace convoy
