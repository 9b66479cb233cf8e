// Loading by column: each worker has its features alone, and together they are what one process
// would have read and fitted.
#include <ATen/Functions.h>
#include <fmt/format.h>
#include <gmock/gmock.h>

#include <mutex>
#include <random>

#include "convoy/data/formats/formats.hpp"
#include "convoy/data/load.hpp"
#include "data_peers.hpp"
#include "data_support.hpp"
#include "step_support.hpp"

namespace convoy {
namespace data_columns_test {

using ::testing::HasSubstr;

PreprocessStep column_step(const std::string& kind, const std::vector<std::string>& columns = {}) {
  return test::step_of(kind, columns);
}

torch::Tensor all_features(const Dataset& dataset) {
  std::vector<std::int64_t> rows(static_cast<std::size_t>(dataset.size()));
  for (std::size_t i = 0; i < rows.size(); ++i) rows[i] = static_cast<std::int64_t>(i);
  return dataset.read(rows).features.flatten(1);
}

class DataColumns : public ::testing::Test {
 protected:
  void write_table(const std::string& name, int rows) const {
    std::mt19937 random(11);
    const char* const colors[] = {"red", "green", "blue"};
    std::string csv = "a,b,color,id,c,d,city,e,f,y\n";
    for (int i = 0; i < rows; ++i) {
      const auto number = [&] { return static_cast<double>(random() % 20000) / 100 - 100; };
      csv += fmt::format("{},{},{},{},{},{},{},{},{},{}\n", number(),
                         random() % 7 == 0 ? "" : fmt::format("{}", number()), colors[random() % 3],
                         i, number(), number(),
                         random() % 5 == 0 ? ""
                         : random() % 2    ? "Bonn"
                                           : "Kiel",
                         number(), number(), random() % 2 ? "yes" : "no");
    }
    directory_.write(name, csv);
  }
  void table_job() {
    write_table("x.csv", 90);
    write_table("t.csv", 30);
    data_.train.file = "x.csv";
    data_.test.file = "t.csv";
    data_.target = {"y"};
    data_.csv.ignore = {"id"};
    data_.validation = 0.2;
    PreprocessStep mode = column_step("impute", {"city"});
    test::set(mode, "with", std::string("mode"));
    steps_ = {column_step("impute", {"b"}), mode,
              column_step("one_hot"),       column_step("standardise", {"f", "a", "city=Bonn"}),
              column_step("robust", {"c"}), column_step("outliers", {"d", "e"})};
  }

  Splits load(Peers* peers, const std::string& by) const {
    PartitionOptions partition;
    partition.by = by;
    if (by == "column") partition.own = ByColumn{.columns = columns_};
    return load_splits({data_, steps_, 5, directory_.path(), partition}, peers);
  }

  /// By column and by row: the same features, targets and fitted steps.
  void expect_the_same() const {
    const Splits row = load(nullptr, "row");
    for (const int workers : {1, 2, 3, 8}) {
      std::vector<Splits> all(static_cast<std::size_t>(workers));
      test::run_workers(workers, [&](Peers& peers) {
        all[static_cast<std::size_t>(peers.rank())] = load(&peers, "column");
      });
      const auto join = [&](auto member) {
        std::vector<torch::Tensor> columns;
        for (const Splits& splits : all) columns.push_back(all_features(*(splits.*member)));
        return torch::cat(columns, 1);
      };
      EXPECT_TRUE(torch::equal(join(&Splits::train), all_features(*row.train))) << workers;
      if (row.validation) {
        EXPECT_TRUE(torch::equal(join(&Splits::validation), all_features(*row.validation)));
      }
      if (row.test) {
        EXPECT_TRUE(torch::equal(join(&Splits::test), all_features(*row.test)));
      }
      for (std::size_t w = 0; w < all.size(); ++w) {
        EXPECT_EQ(all[w].fitted.dump(), row.fitted.dump()) << workers;
        ASSERT_TRUE(all[w].columns);
        EXPECT_EQ(all[w].columns->parts, all[0].columns->parts);
        EXPECT_EQ(all[w].columns->own_features().size(), all[w].train->spec().feature_shape.at(0));
        EXPECT_EQ(all[w].whole_spec().feature_shape, row.train->spec().feature_shape);
        const std::vector<std::int64_t> some{3, 1, 7};
        EXPECT_TRUE(torch::equal(all[w].train->read(some).target, row.train->read(some).target));
      }
    }
  }

  std::string error(int workers = 1) const {
    std::vector<std::string> errors(static_cast<std::size_t>(workers));
    test::run_workers(workers, [&](Peers& peers) {
      errors[static_cast<std::size_t>(peers.rank())] =
          test::error_of([&] { load(&peers, "column"); });
    });
    for (const std::string& one : errors) EXPECT_NE(one, "no error");
    return errors[0];
  }

  test::Directory directory_;
  DataOptions data_;
  std::vector<PreprocessStep> steps_;
  std::int64_t columns_ = 8;
};

TEST_F(DataColumns, TablesWithStepsOfEachColumn) {
  table_job();
  expect_the_same();
}

TEST_F(DataColumns, JsonLines) {
  std::string text;
  for (int i = 0; i < 40; ++i) {
    text += fmt::format("{{\"a\": {}, \"b\": {}, \"k\": \"{}\", \"c\": {}, \"y\": {}}}\n", i, i * i,
                        i % 3 ? "u" : "v", i % 7, i * 0.5);
  }
  directory_.write("x.jsonl", text);
  data_.train.file = "x.jsonl";
  data_.target = {"y"};
  columns_ = 3;
  steps_ = {column_step("one_hot"), column_step("standardise")};
  const Splits row = load(nullptr, "row");
  const Splits column = load(nullptr, "column");
  EXPECT_TRUE(torch::equal(all_features(*column.train), all_features(*row.train)));
  EXPECT_EQ(column.fitted.dump(), row.fitted.dump());
  EXPECT_THAT(error(4), HasSubstr("3 parts are too few for 4 workers"));
}

TEST_F(DataColumns, ArraysOfAnyShapeAndType) {
  std::mt19937 random(9);
  std::string pixels;
  std::string labels;
  for (int i = 0; i < 25 * 30; ++i) pixels += static_cast<char>(random() & 0xff);
  for (int i = 0; i < 25; ++i) labels += static_cast<char>(i % 2);
  directory_.write("images", test::idx_u8({25, 5, 6}, pixels));
  directory_.write("labels", test::idx_u8({25}, labels));
  data_.train = {"", "images", "labels"};
  PreprocessStep scale = column_step("scale");
  test::set(scale, "by", 255);
  steps_ = {scale};
  expect_the_same();

  std::vector<float> values;
  for (int i = 0; i < 25 * 17; ++i)
    values.push_back(static_cast<float>(random() % 1000) / 7.0F - 50);
  Array array;
  array.shape = {25, 17};
  array.bytes = std::as_bytes(std::span(values));
  directory_.write("x.npy", format_npy(array));
  data_.train = {"", "x.npy", "labels"};
  data_.validation = 0.2;
  steps_ = {column_step("standardise"), column_step("yeo_johnson"), column_step("min_max")};
  expect_the_same();

  test::set(steps_[0], "per", std::string("all"));
  EXPECT_THAT(error(2), HasSubstr("per: all is of all columns together"));
  values[17 * 3 + 16] = std::numeric_limits<float>::quiet_NaN();
  directory_.write("x.npy", format_npy(array));
  EXPECT_THAT(error(3), HasSubstr("sample 3: element 16 is nan"));
}

TEST_F(DataColumns, Libsvm) {
  directory_.write("x.svm", "1 1:2 3:4.5 9:1\n-1 2:1\n1 8:3 10:2\n-1 1:1 4:2 5:3\n1 6:1\n");
  data_.train.file = "x.svm";
  EXPECT_THAT(error(), HasSubstr("data.width: is missing"));
  data_.width = 10;
  const Splits row = load(nullptr, "row");
  for (const int workers : {1, 2, 3, 8}) {
    std::vector<torch::Tensor> columns(static_cast<std::size_t>(workers));
    test::run_workers(workers, [&](Peers& peers) {
      columns[static_cast<std::size_t>(peers.rank())] = all_features(*load(&peers, "column").train);
    });
    EXPECT_TRUE(torch::equal(torch::cat(columns, 1), all_features(*row.train))) << workers;
  }
}

TEST_F(DataColumns, RefusesWhatNeedsWholeRows) {
  table_job();
  for (const char* kind : {"pca", "drop_missing", "drop_duplicates"}) {
    steps_.push_back(column_step(kind));
    EXPECT_THAT(error(2), HasSubstr(fmt::format("preprocess: {}", kind)));
    steps_.pop_back();
  }
  steps_.push_back(column_step("clip", {"nowhere"}));
  EXPECT_THAT(error(3), HasSubstr("clip: no column 'nowhere'"));
  steps_.clear();
  data_.on_bad_sample = "skip";
  EXPECT_THAT(error(2), HasSubstr("data.on_bad_sample: skip needs whole rows"));
  data_.on_bad_sample = "stop";
  EXPECT_THAT(error(2), HasSubstr("column 'b' has"));  // whoever has that column
  columns_ = 9;
  EXPECT_THAT(error(2), HasSubstr("8 columns cannot be cut into 9 parts"));
}

}  // namespace data_columns_test
}  // namespace convoy
