// JSON Lines, TSV, LIBSVM and zstd as sources of a job.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <zstd.h>

#include "convoy/data/load.hpp"
#include "data_peers.hpp"
#include "data_support.hpp"

namespace convoy {
namespace data_load_formats_test {

using test::error_of;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

class DataLoadFormats : public ::testing::Test {
 protected:
  Splits load_file(const std::string& name, Peers* peers = nullptr,
                   const std::vector<std::string>& steps = {}) {
    data_.train = {name, "", ""};
    std::vector<PreprocessStep> made;
    for (const std::string& kind : steps) made.push_back({kind});
    return load_splits({data_, made, 7, directory_.path()}, peers);
  }
  std::string load_error(const std::string& name) {
    return error_of([&] { load_file(name); });
  }
  std::shared_ptr<const Dataset> new_data(const Splits& splits, const std::string& name) const {
    return load_for_prediction(data_, {name, "", ""}, splits.fitted, directory_.path());
  }

  /// The same 300 rows as CSV, TSV and JSON Lines, with missing values.
  void write_tables() const {
    std::string csv = "color,a,b,y\n";
    std::string json;
    for (int i = 0; i < 300; ++i) {
      const std::string color = fmt::format("c{}", i * i % 5);
      const std::string b = i % 7 == 3 ? "" : fmt::format("{}.25", i % 11);
      const char* y = i % 3 ? "no" : "yes";
      csv += fmt::format("{},{},{},{}\n", color, i, b, y);
      json += fmt::format("{{\"color\": \"{}\", \"a\": {}, {}\"y\": \"{}\"}}\n", color, i,
                          b.empty() ? "" : fmt::format("\"b\": {}, ", b), y);
    }
    directory_.write("t.csv", csv);
    directory_.write("t.jsonl", json);
    directory_.write("json", json);
    std::replace(csv.begin(), csv.end(), ',', '\t');
    directory_.write("t.tsv", csv);
    directory_.write("tabs.txt", csv);
  }

  /// 120 samples of two classes and five features, most of them zero.
  void write_sparse(const std::string& name) const {
    std::string text;
    for (int i = 0; i < 120; ++i) {
      text += fmt::format("{} {}:{}", i % 3 ? "-1" : "+1", 1 + i % 4, i);
      text += i % 2 ? " 5:0.5\n" : "\n";
    }
    directory_.write(name, text);
  }

  static std::vector<float> features(const Dataset& dataset) {
    std::vector<std::int64_t> samples;
    for (std::int64_t i = 0; i < dataset.size(); ++i) samples.push_back(i);
    const torch::Tensor flat = dataset.read(samples).features.contiguous().view(-1);
    return {flat.data_ptr<float>(), flat.data_ptr<float>() + flat.numel()};
  }
  static std::vector<float> targets(const Dataset& dataset) {
    std::vector<std::int64_t> samples;
    for (std::int64_t i = 0; i < dataset.size(); ++i) samples.push_back(i);
    const torch::Tensor flat = dataset.read(samples).target.to(torch::kFloat).view(-1);
    return {flat.data_ptr<float>(), flat.data_ptr<float>() + flat.numel()};
  }

  test::Directory directory_;
  DataOptions data_;
};

const std::vector<std::string> table_steps = {"impute", "one_hot", "standardise"};

TEST_F(DataLoadFormats, TablesAreTheSameInEveryFormat) {
  write_tables();
  data_.target = {"y"};
  data_.test_part = 0.25;
  const Splits csv = load_file("t.csv", nullptr, table_steps);
  for (const char* name : {"t.tsv", "t.jsonl", "json"}) {
    const Splits other = load_file(name, nullptr, table_steps);
    EXPECT_EQ(other.fitted, csv.fitted) << name;
    EXPECT_EQ(other.fingerprint, csv.fingerprint) << name;
    EXPECT_EQ(features(*other.train), features(*csv.train)) << name;
    EXPECT_EQ(targets(*other.test), targets(*csv.test)) << name;
  }
  data_.format = "tsv";
  EXPECT_EQ(load_file("tabs.txt", nullptr, table_steps).fingerprint, csv.fingerprint);
  data_.format = "csv";
  EXPECT_THAT(load_error("t.tsv"), HasSubstr("data.target: "));
  data_.format = "jsonl";
  EXPECT_THAT(load_error("t.csv"), HasSubstr("t.csv:1: is not a JSON object"));
}

TEST_F(DataLoadFormats, AnyNumberOfWorkersReadsTheSame) {
  write_tables();
  write_sparse("s.libsvm");
  data_.target = {"y"};
  data_.validation = 0.2;
  for (const std::string name : {"t.jsonl", "t.tsv", "s.libsvm"}) {
    const auto steps = name == "s.libsvm" ? std::vector<std::string>{"standardise"} : table_steps;
    const Splits one = load_file(name, nullptr, steps);
    const std::vector<float> alone = features(*one.train);
    for (const int workers : {2, 3, 8}) {
      test::run_workers(workers, [&](Peers& peers) {
        std::vector<PreprocessStep> made;
        for (const std::string& kind : steps) made.push_back({kind});
        const Splits splits = load_splits({data_, made, 7, directory_.path()}, &peers);
        EXPECT_EQ(splits.fitted, one.fitted);
        EXPECT_EQ(splits.fingerprint, one.fingerprint);
        EXPECT_EQ(features(*splits.train), alone);
      });
    }
  }
}

TEST_F(DataLoadFormats, AKeyThatNewDataLacksIsMissing) {
  data_.target = {"y"};
  directory_.write("t.jsonl", "{\"a\":1,\"b\":2,\"y\":0.5}\n{\"a\":3,\"b\":4,\"y\":1.5}\n");
  const Splits splits = load_file("t.jsonl", nullptr, {"impute"});
  directory_.write("new.jsonl", "{\"a\":5}\n{\"other\":1,\"a\":6}\n");
  EXPECT_THAT(features(*new_data(splits, "new.jsonl")), ElementsAre(5, 3, 6, 3));
  directory_.write("new.jsonl", "{\"c\":5}\n");
  EXPECT_THAT(error_of([&] { new_data(splits, "new.jsonl"); }), HasSubstr("no column 'a'"));
  directory_.write("new.jsonl", "{\"a\":\"x\"}\n");
  EXPECT_THAT(error_of([&] { new_data(splits, "new.jsonl"); }),
              HasSubstr("column 'a' holds text ('x') where the training data has numbers"));
}

TEST_F(DataLoadFormats, BadLinesOfJsonAreSkippedAndCounted) {
  std::string text;
  for (int i = 0; i < 200; ++i)
    text += i == 5 ? "{\"a\": [1], \"y\": 0}\n" : fmt::format("{{\"a\":{},\"y\":{}}}\n", i, i % 2);
  directory_.write("t.jsonl", text);
  data_.target = {"y"};
  EXPECT_THAT(load_error("t.jsonl"), HasSubstr("t.jsonl:6: column 'a': a list, where a number"));
  data_.on_bad_sample = "skip";
  const Splits splits = load_file("t.jsonl");
  EXPECT_EQ(splits.train->size(), 199);
  EXPECT_THAT(splits.skipped.at(0), AllOf(HasSubstr("1 of 200 samples left out: 5; the first: "),
                                          HasSubstr("t.jsonl:6: column 'a'")));
  data_.max_bad_samples = 0.001;
  EXPECT_THAT(load_error("t.jsonl"), HasSubstr("1 of 200 samples cannot be read"));
}

TEST_F(DataLoadFormats, LabelsMayBeJsonLines) {
  directory_.write("x.csv", "a\n1\n2\n3\n");
  directory_.write("y.jsonl", "{\"class\":\"u\"}\n{\"class\":\"v\"}\n{\"class\":\"u\"}\n");
  data_.train = {"", "x.csv", "y.jsonl"};
  EXPECT_THAT(targets(*load_splits({data_, {}, 1, directory_.path()}).train), ElementsAre(0, 1, 0));
  directory_.write("y.svm", "1 1:1\n");
  data_.train.labels = "y.svm";
  EXPECT_THAT(error_of([&] {
                load_splits({data_, {}, 1, directory_.path()});
              }),
              HasSubstr("y.svm is LIBSVM, which holds features and target together"));
}

TEST_F(DataLoadFormats, SparseSamplesBecomeFloats) {
  directory_.write("a9a", "-1 3:1 5:0.5\n+1 1:2\n-1\n");
  const Splits splits = load_file("a9a");  // no name says what it is
  EXPECT_EQ(splits.train->spec().task, Task::binary);
  EXPECT_THAT(splits.train->spec().class_names, ElementsAre("-1", "1"));
  EXPECT_THAT(splits.train->spec().feature_shape, ElementsAre(5));
  EXPECT_THAT(targets(*splits.train), ElementsAre(0, 1, 0));
  EXPECT_THAT(features(*splits.train), ElementsAre(0, 0, 1, 0, 0.5, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0));
  directory_.write("new.svm", "2:7\n1:8\n");
  const auto fresh = new_data(splits, "new.svm");
  EXPECT_THAT(features(*fresh), ElementsAre(0, 7, 0, 0, 0, 8, 0, 0, 0, 0));
  EXPECT_FALSE(fresh->read(std::vector<std::int64_t>{0}).target.defined());
  directory_.write("new.svm", "1 2:7\n");
  EXPECT_THAT(targets(*new_data(splits, "new.svm")), ElementsAre(1));
}

TEST_F(DataLoadFormats, OtherSparseFilesFollowTheTrainingFile) {
  directory_.write("train.svm", "1.5 1:1 3:1\n2.5 2:2\n3.5 1:4\n");
  directory_.write("test.svm", "4.5 1:9\n");
  data_.test.file = "test.svm";
  const Splits splits = load_file("train.svm");
  EXPECT_EQ(splits.train->spec().task, Task::regression);
  EXPECT_THAT(features(*splits.test), ElementsAre(9, 0, 0));
  directory_.write("test.svm", "4.5 1:9 4:1\n");
  EXPECT_THAT(load_error("train.svm"),
              HasSubstr("test.svm:1: index 4, but a sample has 3 features (data.width)"));
  data_.width = 4;
  EXPECT_THAT(features(*load_file("train.svm").test), ElementsAre(9, 0, 0, 1));
}

TEST_F(DataLoadFormats, LabelsOfSparseFilesAreClassesWhereTheJobSaysSo) {
  directory_.write("t.svm", "1 1:1\n2 1:2\n10 1:3\n2 1:4\n");
  EXPECT_EQ(load_file("t.svm").train->spec().task, Task::regression);
  data_.task = "classification";
  const Splits named = load_file("t.svm");
  EXPECT_THAT(named.train->spec().class_names, ElementsAre("1", "2", "10"));
  EXPECT_THAT(targets(*named.train), ElementsAre(0, 1, 2, 1));
  data_.classes = 11;
  EXPECT_THAT(targets(*load_file("t.svm").train), ElementsAre(1, 2, 10, 2));
  data_.classes = 0;
  data_.task = "regression";
  EXPECT_THAT(targets(*load_file("t.svm").train), ElementsAre(1, 2, 10, 2));
}

TEST_F(DataLoadFormats, BadLinesOfSparseFilesAreSkippedAndCounted) {
  std::string text;
  for (int i = 0; i < 200; ++i)
    text += i == 9 ? "1 x:1\n" : fmt::format("{} 1:{}\n", i % 2 ? "+1" : "-1", i);
  directory_.write("t.svm", text);
  EXPECT_THAT(load_error("t.svm"), HasSubstr("t.svm:10: 'x:1' is not index:value"));
  data_.on_bad_sample = "skip";
  const Splits splits = load_file("t.svm");
  EXPECT_EQ(splits.train->size(), 199);
  EXPECT_THAT(splits.skipped.at(0), AllOf(HasSubstr("1 of 200 samples left out: 9; the first: "),
                                          HasSubstr("t.svm:10: 'x:1' is not index:value")));
}

TEST_F(DataLoadFormats, FilesMayBePackedWithZstd) {
  const auto pack = [&](const std::string& text, const std::string& name) {
    std::string packed(ZSTD_compressBound(text.size()), '\0');
    packed.resize(ZSTD_compress(packed.data(), packed.size(), text.data(), text.size(), 1));
    directory_.write(name, packed);
  };
  data_.target = {"y"};
  pack("a\ty\n1\t0\n2\t1\n", "t.tsv.zst");
  EXPECT_THAT(features(*load_file("t.tsv.zst").train), ElementsAre(1, 2));
  pack("{\"a\":1,\"y\":0}\n{\"a\":2,\"y\":1}\n", "t.jsonl.zst");
  EXPECT_THAT(features(*load_file("t.jsonl.zst").train), ElementsAre(1, 2));
  pack("0 1:1\n1 1:2\n", "packed");
  EXPECT_THAT(features(*load_file("packed").train), ElementsAre(1, 2));
}

}  // namespace data_load_formats_test
}  // namespace convoy
