#include <fmt/format.h>
#include <gmock/gmock.h>

#include <cmath>

#include "convoy/data/load.hpp"
#include "data_support.hpp"
#include "step_support.hpp"

namespace convoy {
namespace data_load_table_test {

using test::error_of;
using ::testing::ElementsAre;
using ::testing::FloatEq;
using ::testing::HasSubstr;
using ::testing::Pointwise;

class DataLoadTable : public ::testing::Test {
 protected:
  DataLoadTable() {
    data_.train.file = "train.csv";
    data_.target = {"y"};
  }

  Splits load(const std::string& csv, const std::vector<PreprocessStep>& steps = {}) const {
    directory_.write("train.csv", csv);
    return load_splits({data_, steps, 1, directory_.path()});
  }
  std::string error(const std::string& csv, const std::vector<PreprocessStep>& steps = {}) const {
    return error_of([&] { load(csv, steps); });
  }
  std::shared_ptr<const Dataset> predict(const Splits& splits, const std::string& csv) const {
    directory_.write("new.csv", csv);
    const auto fitted = nlohmann::ordered_json::parse(splits.fitted.dump());
    return load_for_prediction(data_, {"new.csv", "", ""}, fitted, directory_.path());
  }

  test::Directory directory_;
  DataOptions data_;
};

Batch everything(const Dataset& dataset) {
  std::vector<std::int64_t> samples;
  for (std::int64_t i = 0; i < dataset.size(); ++i) samples.push_back(i);
  return dataset.read(samples);
}

std::vector<float> floats(const torch::Tensor& tensor) {
  const torch::Tensor flat = tensor.contiguous().view(-1);
  return {flat.data_ptr<float>(), flat.data_ptr<float>() + flat.numel()};
}

PreprocessStep step(const std::string& kind, const std::vector<std::string>& columns = {}) {
  return test::step_of(kind, columns);
}

PreprocessStep impute(const std::string& with, const std::vector<std::string>& columns = {}) {
  return test::impute_with(with, columns);
}

// The table that the golden numbers of scikit-learn 1.2 below were made from.
const std::string table = "a,b,c,y\n1.5,200,7,0.5\n2.25,,7,1\n,-50,7,1.5\n10,3,7,2\n2.25,3,7,2.5\n";

TEST_F(DataLoadTable, ImputesAsScikitLearnDoes) {
  const Splits mean = load(table, {impute("mean")});
  EXPECT_EQ(mean.train->spec().task, Task::regression);
  EXPECT_THAT(mean.train->spec().feature_names, ElementsAre("a", "b", "c"));
  EXPECT_THAT(floats(everything(*mean.train).features),
              ElementsAre(1.5, 200, 7, 2.25, 39, 7, 4, -50, 7, 10, 3, 7, 2.25, 3, 7));
  for (const char* with : {"median", "mode"}) {
    const auto filled = floats(everything(*load(table, {impute(with)}).train).features);
    EXPECT_EQ(filled[4], 3) << with;
    EXPECT_EQ(filled[6], 2.25f) << with;
  }
  PreprocessStep constant = impute("constant", {"b"});
  test::set(constant, "value", -1);
  const auto filled = floats(everything(*load(table, {constant, impute("mean")}).train).features);
  EXPECT_EQ(filled[4], -1);
  EXPECT_EQ(filled[6], 4);
  // Of values equally frequent, the smallest.
  EXPECT_EQ(
      floats(everything(*load("a,y\n3,0\n,0\n1,0\n2,5\n", {impute("mode")}).train).features)[1], 1);
}

TEST_F(DataLoadTable, StandardisesAsScikitLearnDoes) {
  const Splits splits = load(table, {impute("median"), step("standardise")});
  EXPECT_THAT(floats(everything(*splits.train).features),
              Pointwise(FloatEq(),
                        std::vector<float>{-0.67434907f, 1.9429629f, 0, -0.43911102f, -0.3326833f,
                                           0, -0.43911102f, -0.94491297f, 0, 1.9916822f,
                                           -0.3326833f, 0, -0.43911102f, -0.3326833f, 0}));
  // Missing values do not count in the statistics: StandardScaler's mean_ and scale_ of the raw
  // table.
  const Splits raw = load(table, {step("standardise"), impute("constant")});
  const auto fitted = raw.fitted["steps"][0];
  EXPECT_EQ(fitted["subtract"], (std::vector<double>{4, 39, 7}));
  EXPECT_EQ(fitted["divide"][0].get<double>(), 3.477606935810889);
  EXPECT_EQ(fitted["divide"][1].get<double>(), 95.43846184846024);
  EXPECT_EQ(fitted["divide"][2].get<double>(), 1);
}

TEST_F(DataLoadTable, ScalesToARangeAsScikitLearnDoes) {
  PreprocessStep min_max = step("min_max");
  test::set(min_max, "low", -1);
  test::set(min_max, "high", 3);
  const auto scaled =
      floats(everything(*load(table, {min_max, impute("constant")}).train).features);
  EXPECT_THAT(scaled,
              Pointwise(FloatEq(), std::vector<float>{-1, 3, -1, -0.64705884f, 0, -1, 0, -1, -1, 3,
                                                      -0.152f, -1, -0.64705884f, -0.152f, -1}));
}

TEST_F(DataLoadTable, ARoundedConstantColumnIsConstant) {
  // 0.1 added three times is not 0.3: a naive deviation is tiny and would blow rounding up to +-1.
  const Splits splits = load("a,y\n0.1,1.5\n0.1,2.5\n0.1,3.5\n", {step("standardise")});
  for (const float x : floats(everything(*splits.train).features)) EXPECT_NEAR(x, 0, 1e-6);
}

TEST_F(DataLoadTable, OneHotSortsCategoriesAndZeroesUnknownOnes) {
  const Splits splits =
      load("color,n,y\nred,1,1.5\nblue,2,2\ngreen,3,3\nblue,4,4\n", {step("one_hot")});
  EXPECT_THAT(splits.train->spec().feature_names,
              ElementsAre("color=blue", "color=green", "color=red", "n"));
  EXPECT_THAT(floats(everything(*splits.train).features),
              ElementsAre(0, 0, 1, 1, 1, 0, 0, 2, 0, 1, 0, 3, 1, 0, 0, 4));
  // Columns by name, in any order, with one more than training had and without the target.
  const auto fresh = predict(splits, "note,n,color\nx,9,pink\ny,8,red\n");
  const Batch batch = everything(*fresh);
  EXPECT_THAT(floats(batch.features), ElementsAre(0, 0, 0, 9, 0, 0, 1, 8));
  EXPECT_FALSE(batch.target.defined());
}

TEST_F(DataLoadTable, CategoriesKeepTheirTypeInOtherFiles) {
  data_.csv.categorical = {"zip"};
  const Splits splits = load("zip,y\n01,1.5\n02,2.5\n", {step("one_hot")});
  EXPECT_THAT(floats(everything(*predict(splits, "zip\n02\n01\n")).features),
              ElementsAre(0, 1, 1, 0));
  data_.csv.categorical = {};
  const Splits numeric = load("zip,y\n1,1.5\n2,2.5\n");
  EXPECT_THAT(error_of([&] { predict(numeric, "zip\nx\n"); }),
              HasSubstr("column 'zip' holds text ('x') where the training data has numbers"));
  EXPECT_THAT(error_of([&] { predict(numeric, "zap\n1\n"); }), HasSubstr("no column 'zip'"));
}

TEST_F(DataLoadTable, WhatReachesTheEndMustBeNumbers) {
  const std::string csv = "color,n,y\nred,1,1.5\nblue,,2\nred,,3\n";
  EXPECT_THAT(error(csv),
              HasSubstr("column 'color' holds text ('red'); add the preprocessing step one_hot"));
  EXPECT_THAT(
      error(csv, {step("one_hot")}),
      HasSubstr(
          "column 'n' has 2 missing values; add the preprocessing step impute or drop_missing"));
  EXPECT_THAT(error("c,y\nred,1\n,2.5\n", {step("one_hot")}),
              HasSubstr("column 'c' has 1 missing value; put impute: {with: mode, columns: [c]} or "
                        "drop_missing"));
  EXPECT_THAT(error("n,y\n1e300,1.5\n"),
              HasSubstr("column 'n': 1e+300 does not fit a 32-bit number"));
  EXPECT_EQ(
      floats(
          everything(*load("c,y\nred,1.5\n,2.5\nred,3\n", {impute("mode"), step("one_hot")}).train)
              .features),
      (std::vector<float>{1, 1, 1}));
}

TEST_F(DataLoadTable, DropMissingRemovesRowsAndKeepsTheirNumbers) {
  const std::string csv = "a,b,y\n1,,1\n2,5,\n3,6,3.5\n,7,4\n5,8,5\n";
  const Splits any = load(csv, {step("drop_missing")});
  const Batch batch = everything(*any.train);
  EXPECT_THAT(batch.samples, ElementsAre(2, 4));
  EXPECT_THAT(floats(batch.features), ElementsAre(3, 6, 5, 8));
  EXPECT_THAT(floats(batch.target), ElementsAre(3.5, 5));
  EXPECT_THAT(
      everything(*load(csv, {step("drop_missing", {"y", "a"}), impute("mean")}).train).samples,
      ElementsAre(0, 2, 4));
  EXPECT_THAT(error(csv, {step("drop_missing", {"a", "b"})}),
              HasSubstr("1 row has no value in the target column 'y', the first is sample 1"));
  EXPECT_THAT(error("a,y\n,1\n,2.5\n", {step("drop_missing")}),
              HasSubstr("no row of the training split"));
}

TEST_F(DataLoadTable, NamesMakeClassesAndTwoOfThemABinaryTask) {
  const Splits binary = load("x,y\n1,malignant\n2,benign\n3,malignant\n");
  EXPECT_EQ(binary.train->spec().task, Task::binary);
  EXPECT_THAT(binary.train->spec().class_names, ElementsAre("benign", "malignant"));
  EXPECT_THAT(floats(everything(*binary.train).target), ElementsAre(1, 0, 1));
  const Splits three = load("x,y\n1,c\n2,a\n3,b\n");
  EXPECT_EQ(three.train->spec().task, Task::classification);
  EXPECT_TRUE(everything(*three.train).target.equal(torch::tensor({2, 0, 1}, torch::kLong)));
  EXPECT_THAT(
      error_of([&] { predict(three, "x,y\n1,d\n"); }),
      HasSubstr("new.csv, sample 0: class 'd' is not in the training data, which has a, b, c"));
  data_.csv.categorical = {"y"};
  EXPECT_THAT(load("x,y\n1,10\n2,9\n3,1\n").train->spec().class_names, ElementsAre("1", "9", "10"));
  data_.csv.categorical = {};
  data_.task = "regression";
  EXPECT_THAT(error("x,y\n1,c\n"),
              HasSubstr("target column 'y' holds text ('c'); regression needs numbers"));
}

TEST_F(DataLoadTable, NumbersMakeARegressionUnlessTheJobSaysOtherwise) {
  EXPECT_EQ(load("x,y\n1,0\n2,1\n3,2\n").train->spec().task, Task::regression);
  EXPECT_EQ(load("x,y\n1,0\n2,1\n3,0\n").train->spec().task, Task::binary);
  data_.task = "classification";
  EXPECT_EQ(load("x,y\n1,0\n2,1\n3,2\n").train->spec().outputs, 3);
  EXPECT_THAT(error("x,y\n1,0\n2,1.5\n"),
              HasSubstr("train.csv, sample 1: label 1.5 is not a class number"));
  EXPECT_THAT(error("x,y\n1,0\n2,-1\n"),
              HasSubstr("train.csv, sample 1: label -1 is outside 0..0"));
  data_.task = "auto";
  data_.target = {"x", "y"};
  EXPECT_THAT(error("x,y\n1,0\n"), HasSubstr("train.csv: has no feature columns"));
  const Splits two = load("x,y,z\n1,2,3\n4,5,6\n");
  EXPECT_THAT(floats(everything(*two.train).target), ElementsAre(1, 2, 4, 5));
}

TEST_F(DataLoadTable, StepsNameTheColumnsTheyAreFor) {
  PreprocessStep scale = step("scale", {"b"});
  test::set(scale, "by", 2);
  PreprocessStep clip = step("clip", {"b"});
  test::set(clip, "high", 2);
  EXPECT_THAT(floats(everything(*load("a,b,y\n1,2,0.5\n3,8,1.5\n", {scale, clip}).train).features),
              ElementsAre(1, 1, 3, 2));
  const std::string csv = "a,c,y\n1,red,0.5\n";
  EXPECT_THAT(error(csv, {step("scale", {"b"})}),
              HasSubstr("preprocess: scale: no column 'b' at this step; there are a, c"));
  EXPECT_THAT(error(csv, {step("scale", {"c"})}),
              HasSubstr("column 'c' holds text; use one_hot for it"));
  EXPECT_THAT(error(csv, {step("one_hot", {"a"})}), HasSubstr("list it in data.csv.categorical"));
  EXPECT_THAT(error(csv, {step("scale", {"y"})}), HasSubstr("column 'y' is the target"));
  EXPECT_THAT(error(csv, {step("scale", {"a", "a"})}), HasSubstr("named twice"));
  EXPECT_THAT(error("a,y\n,0.5\n", {impute("mean")}),
              HasSubstr("column 'a' has no value in the training split"));
}

TEST_F(DataLoadTable, LabelsMayBeAFileOfTheirOwn) {
  data_.train = {"", "x.csv", "y.csv"};
  data_.csv.header = "false";
  data_.csv.columns = {"age", "sex"};
  data_.csv.delimiter = " ";
  directory_.write("x.csv", "59 2\n48 1\n");
  directory_.write("y.csv", "1.51e+02\n7.5e+01\n");
  const Splits splits = load_splits({data_, {step("scale", {"age"})}, 1, directory_.path()});
  EXPECT_THAT(splits.train->spec().feature_names, ElementsAre("age", "sex"));
  EXPECT_THAT(floats(everything(*splits.train).target), ElementsAre(151, 75));
  directory_.write("y.csv", "1\n2\n3\n");
  EXPECT_THAT(error_of([&] {
                load_splits({data_, {}, 1, directory_.path()});
              }),
              HasSubstr("y.csv: has 3 labels, but"));
}

TEST_F(DataLoadTable, NewDataWithoutHeaderMayLackTheTarget) {
  data_.csv.header = "false";
  data_.csv.columns = {"y", "a", "b"};
  const Splits splits = load("1.5,2,3\n2.5,4,5\n");
  EXPECT_THAT(floats(everything(*predict(splits, "8,9\n")).features), ElementsAre(8, 9));
  const Batch with = everything(*predict(splits, "7.5,8,9\n"));
  EXPECT_THAT(floats(with.features), ElementsAre(8, 9));
  EXPECT_THAT(floats(with.target), ElementsAre(7.5));
  EXPECT_FALSE(everything(*predict(splits, ",8,9\n")).target.defined());
}

TEST_F(DataLoadTable, SplitsOfOneFileShareTheStatisticsOfTraining) {
  std::string csv = "a,y\n";
  for (int i = 0; i < 50; ++i) csv += fmt::format("{},{}.5\n", i, i);
  data_.test_part = 0.2;
  data_.validation = 0.2;
  const Splits splits = load(csv, {step("standardise")});
  EXPECT_EQ(splits.train->size(), 30);
  EXPECT_EQ(splits.validation->size(), 10);
  EXPECT_EQ(splits.test->size(), 10);
  EXPECT_NEAR(everything(*splits.train).features.mean().item<float>(), 0, 1e-6);
  const Batch test = everything(*splits.test);
  // Sample numbers are rows of the file, whatever split they are in.
  for (std::size_t i = 0; i < test.samples.size(); ++i) {
    EXPECT_EQ(test.target[static_cast<std::int64_t>(i)].item<float>(),
              static_cast<float>(test.samples[i]) + 0.5f);
  }
  data_.test.file = "train.csv";
  EXPECT_THAT(error(csv), HasSubstr("data.test_part: there are test files"));
}

TEST_F(DataLoadTable, ReportsWhatTheJobForgot) {
  data_.target = {};
  EXPECT_THAT(error("a,y\n1,2\n"),
              HasSubstr("data.target: name the column that is to be predicted"));
  data_.target = {"z"};
  EXPECT_THAT(error("a,y\n1,2\n"), HasSubstr("has no column 'z'; it has a, y"));
  data_.target = {"y"};
  EXPECT_THAT(error("a,y\n"), HasSubstr("train.csv: has no samples"));
  data_.csv.ignore = {"q"};
  EXPECT_THAT(error("a,y\n1,2\n"), HasSubstr("data.csv.ignore:"));
}

// The real file, where Debian's python3-sklearn is installed.
TEST_F(DataLoadTable, ReadsSklearnsWine) {
  const std::filesystem::path file =
      "/usr/lib/python3/dist-packages/sklearn/datasets/data/wine_data.csv";
  if (!std::filesystem::exists(file)) GTEST_SKIP() << "python3-sklearn is not installed";
  data_.train.file = file;
  data_.csv.header = "skip";
  data_.task = "classification";
  for (int i = 0; i < 13; ++i) data_.csv.columns.push_back(fmt::format("c{}", i));
  data_.csv.columns.push_back("y");
  const Splits splits = load_splits({data_, {step("standardise")}, 1, directory_.path()});
  EXPECT_EQ(splits.train->size(), 178);
  EXPECT_EQ(splits.train->spec().outputs, 3);
  // StandardScaler().fit_transform(load_wine().data), rows 0, 100, 177, columns 0, 5, 12.
  const torch::Tensor features =
      splits.train->read(std::vector<std::int64_t>{0, 100, 177}).features;
  const auto chosen = features.index_select(1, torch::tensor({0, 5, 12}, torch::kLong));
  EXPECT_THAT(floats(chosen),
              Pointwise(FloatEq(), std::vector<float>{1.5186125f, 0.80899739f, 1.0130089f,
                                                      -1.1372072f, -0.10433159f, -0.11748635f,
                                                      1.3950861f, -0.39275128f, -0.59516042f}));
}

}  // namespace data_load_table_test
}  // namespace convoy
