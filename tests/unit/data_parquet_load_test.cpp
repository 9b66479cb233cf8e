// Parquet and Arrow files as a job's data: the same samples as of the same table in CSV.
#include <fmt/format.h>
#include <gmock/gmock.h>

#include "convoy/core/file.hpp"
#include "convoy/data/inspect/inspect.hpp"
#include "convoy/data/load.hpp"
#include "convoy/data/records/prepare.hpp"
#include "data/formats/columnar.hpp"
#include "data/formats/columnar_module.hpp"
#include "data_support.hpp"
#include "paths.hpp"

namespace convoy {
namespace data_parquet_load_test {

using test::error_of;
using ::testing::HasSubstr;

class DataParquetLoad : public ::testing::Test {
 protected:
  void SetUp() override {
    if (*columnar_module_places == '\0') GTEST_SKIP() << "built without Arrow";
    data_.target = {"y"};
    steps_ = {{"impute", ImputeOptions{.with = "mode", .columns = {"s"}}},
              {"impute", ImputeOptions{.with = "mean"}},
              {"one_hot"},
              {"standardise"}};
  }

  std::string copy(const std::string& name, const std::string& to) const {
    return directory_.write(
        to, read_text_file(testing::source_folder() + "/tests/data/parquet/" + name));
  }

  /// All rows of types.arrow, written as CSV has numbers and text.
  void write_csv(const std::string& to) const {
    Content content = read_content(testing::source_folder() + "/tests/data/parquet/types.arrow");
    const ColumnarTable file({content});
    const Table table = file.read("types.arrow", {}, nullptr, {});
    std::string text;
    for (const Column& column : table.columns) text += (text.empty() ? "" : ",") + column.name;
    for (std::size_t row = 0; row < static_cast<std::size_t>(table.rows); ++row) {
      std::string line;
      for (const Column& column : table.columns) {
        line += line.empty() ? "\n" : ",";
        if (column.categorical)
          line += column.codes[row] < 0
                      ? ""
                      : column.categories[static_cast<std::size_t>(column.codes[row])];
        else
          line += fmt::format("{}", column.numbers[row]);
      }
      text += line;
    }
    directory_.write(to, text + "\n");
  }

  Splits load(const std::string& train) {
    data_.train.file = train;
    return load_splits({data_, steps_, 1, directory_.path()});
  }

  test::Directory directory_;
  DataOptions data_;
  std::vector<PreprocessStep> steps_;
};

Batch every_sample(const Dataset& dataset) {
  std::vector<std::int64_t> samples;
  for (std::int64_t i = 0; i < dataset.size(); ++i) samples.push_back(i);
  return dataset.read(samples);
}

void expect_same(const Splits& a, const Splits& b) {
  EXPECT_EQ(a.fitted.dump(), b.fitted.dump());
  const Batch one = every_sample(*a.train);
  const Batch other = every_sample(*b.train);
  EXPECT_TRUE(one.features.equal(other.features));
  EXPECT_TRUE(one.target.equal(other.target));
}

TEST_F(DataParquetLoad, SamplesAreThoseOfCsv) {
  write_csv("types.csv");
  copy("types_zstd.parquet", "types.parquet");
  copy("types.arrow", "types.arrow");
  const Splits csv = load("types.csv");
  EXPECT_EQ(csv.train->size(), 200);
  expect_same(csv, load("types.parquet"));
  expect_same(csv, load("types.arrow"));
}

TEST_F(DataParquetLoad, AFolderIsOneTable) {
  copy("types_zstd.parquet", "part-0.parquet");
  copy("types_gzip.parquet", "part-1.parquet");
  const Splits pattern = load("part-*.parquet");
  EXPECT_EQ(pattern.train->size(), 400);
  std::filesystem::create_directory(directory_.path() / "parts");
  for (const char* part : {"part-0.parquet", "part-1.parquet"})
    std::filesystem::rename(directory_.path() / part, directory_.path() / "parts" / part);
  directory_.write("parts/_SUCCESS", "");
  expect_same(pattern, load("parts"));
}

TEST_F(DataParquetLoad, RecordsAreTheFile) {
  copy("types_zstd.parquet", "types.parquet");
  const Splits file = load("types.parquet");
  PrepareOptions options;
  options.out = directory_.path() / "prepared";
  const auto parts = prepare_data({data_, steps_, 1, directory_.path()}, options);
  ASSERT_EQ(parts.size(), 1U);
  EXPECT_EQ(parts[0].samples, 200);
  expect_same(file, load("prepared"));
}

TEST_F(DataParquetLoad, PredictionReadsTheColumnsOfTraining) {
  data_.csv.ignore = {"vec", "s", "cat", "d", "ts"};
  steps_.erase(steps_.begin());
  copy("types_zstd.parquet", "types.parquet");
  const Splits splits = load("types.parquet");
  EXPECT_EQ(splits.train->spec().feature_shape[0], 6);  // i, f, h, dec, and b as two
  data_.csv.ignore = {};
  const auto fitted = nlohmann::ordered_json::parse(splits.fitted.dump());
  const auto again =
      load_for_prediction(data_, {"types.parquet", "", ""}, fitted, directory_.path());
  EXPECT_TRUE(every_sample(*again).features.equal(every_sample(*splits.train).features));
}

TEST_F(DataParquetLoad, InspectTellsColumns) {
  copy("types_zstd.parquet", "types.parquet");
  const auto record = inspect_file(directory_.path() / "types.parquet", data_, 1);
  EXPECT_THAT(record.dump(), HasSubstr("vec_2"));
}

TEST_F(DataParquetLoad, AJobNeedsATarget) {
  copy("types_zstd.parquet", "types.parquet");
  data_.target = {};
  EXPECT_EQ(error_of([&] { load("types.parquet"); }),
            "data.target: name the column that is to be predicted");
}

}  // namespace data_parquet_load_test
}  // namespace convoy
