// What samples are partitioned by, and how a partition is measured.
#include <fmt/format.h>
#include <gmock/gmock.h>

#include <numeric>

#include "convoy/core/checksum.hpp"
#include "convoy/data/inspect/partition.hpp"
#include "convoy/data/load.hpp"
#include "convoy/job/job.hpp"
#include "convoy/report/partition_report.hpp"
#include "convoy/strategies/registry.hpp"
#include "data/inspect/partition_measure.hpp"
#include "data/partition/values.hpp"
#include "data_support.hpp"

namespace convoy {
namespace data_partition_test {

using Json = nlohmann::ordered_json;
using test::error_of;
using ::testing::Contains;
using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;

const double not_a_number = std::numeric_limits<double>::quiet_NaN();

Column values_of_numbers(std::vector<double> numbers) {
  Column column;
  column.name = std::string("x");
  column.numbers = std::move(numbers);
  return column;
}

Column values_of_text(std::vector<std::int32_t> codes, std::vector<std::string> categories) {
  Column column;
  column.name = std::string("x");
  column.categorical = true;
  column.codes = std::move(codes);
  column.categories = std::move(categories);
  return column;
}

std::uint64_t hash_of_text(const std::string& text, std::uint64_t seed) {
  return xxh64(test::bytes_of(text), seed);
}

TEST(DataPartition, NumbersAreOrderedBySizeMissingOnesFirst) {
  const Column column = values_of_numbers({3, -1, not_a_number, 0.1, 3, -0.0, 0});
  const SampleValues values = sample_values(column, 7, true);
  EXPECT_THAT(values.codes, ElementsAre(4, 1, 0, 3, 4, 2, 2));
  EXPECT_THAT(values.hashes,
              ElementsAre(hash_of_text("\xff", 7), hash_of_text("-1", 7), hash_of_text("0", 7),
                          hash_of_text("0.1", 7), hash_of_text("3", 7)));
  EXPECT_THAT(value_names(column), ElementsAre("(missing)", "-1", "0", "0.1", "3"));
}

TEST(DataPartition, TextIsOrderedByItsBytesWhateverCameFirst) {
  const Column column = values_of_text({0, 1, -1, 2, 0}, {"b", "\xc3\xa9", "a"});
  const SampleValues values = sample_values(column, 7, true);
  EXPECT_THAT(values.codes, ElementsAre(2, 3, 0, 1, 2));
  EXPECT_EQ(values.hashes[2], hash_of_text("b", 7));
  EXPECT_TRUE(sample_values(column, 7, false).hashes.empty());
}

// The values of xxHash's own test of an empty input.
TEST(DataPartition, HashesAreThoseOfXxHash) {
  EXPECT_EQ(xxh64({}, 0), 0xef46db3751d8e999ULL);
}

TEST(DataPartition, ValuesThatDoNotFitAreRefused) {
  EXPECT_THAT(error_of([] { require_values({}, 3); }), HasSubstr("TrainingData::values"));
  EXPECT_THAT(error_of([] {
                require_values(values_of_numbers({1, 2}), 3);
              }),
              HasSubstr("2 values for 3 training samples"));
  EXPECT_THAT(error_of([] {
                require_values(values_of_text({0, 2}, {"a", "b"}), 2);
              }),
              HasSubstr("code 2 where there are 2 categories"));
}

class PartitionLoad : public ::testing::Test {
 protected:
  PartitionLoad() {
    std::string csv = "user,x,y,label\n";
    for (int i = 0; i < 40; ++i) {
      const std::string x = i % 10 == 3 ? "" : std::to_string(i);
      csv += fmt::format("u{},{},{},{}\n", i % 4, x, i % 3, i % 2 ? "odd" : "even");
    }
    folder_.write("t.csv", csv);
    data_.train.file = "t.csv";
    data_.target = {"label"};
    data_.csv.ignore = {"user"};
    drop_.kind = "drop_missing";
    partition_ = {.by = "value", .own = ByValue{.assign = "hash"}};
  }

  Splits load(const std::string& value) {
    partition_.own.edit<ByValue>().value = value;
    return load_splits({data_, {drop_}, 1, folder_.path(), partition_});
  }

  test::Directory folder_;
  DataOptions data_;
  PreprocessStep drop_;
  PartitionOptions partition_;
};

TEST_F(PartitionLoad, ValuesAreThoseOfTheTrainingSamplesAsReadFromTheFile) {
  data_.validation = 0.25;
  const Splits splits = load("x");
  ASSERT_EQ(splits.values.numbers.size(), static_cast<std::size_t>(splits.train->size()));
  std::vector<std::int64_t> all(splits.values.numbers.size());
  std::iota(all.begin(), all.end(), 0);
  const Batch batch = splits.train->read(all);
  for (std::size_t i = 0; i < all.size(); ++i)
    EXPECT_EQ(splits.values.numbers[i], static_cast<double>(batch.samples[i]));
  EXPECT_THAT(splits.values.numbers, Not(Contains(13))) << "its x is missing: it was dropped";
}

TEST_F(PartitionLoad, AnIgnoredColumnMayBePartitionedByAndIsNoFeature) {
  const Splits splits = load("user");
  EXPECT_THAT(splits.train->spec().feature_names, ElementsAre("x", "y"));
  EXPECT_THAT(splits.values.categories, ElementsAre("u0", "u1", "u2", "u3"));
  EXPECT_THAT(splits.values.codes, SizeIs(splits.train->size()));
  const Splits plain = load_splits({data_, {drop_}, 1, folder_.path()});
  EXPECT_EQ(plain.fitted, splits.fitted);
  EXPECT_TRUE(plain.values.codes.empty());
  EXPECT_NE(plain.fingerprint, splits.fingerprint);
}

TEST_F(PartitionLoad, AFeatureStaysOne) {
  EXPECT_THAT(load("y").train->spec().feature_names, ElementsAre("x", "y"));
}

TEST_F(PartitionLoad, TheTargetIsOneToo) {
  EXPECT_THAT(load("target").values.categories, ElementsAre("even", "odd"));
  EXPECT_THAT(load("label").values.categories, ElementsAre("even", "odd"));
}

TEST_F(PartitionLoad, OtherNamesAreRefused) {
  EXPECT_THAT(error_of([&] { load("usr"); }), HasSubstr("t.csv has no column 'usr'; it has"));
  data_.csv.ignore = {"user"};
  data_.target = {"x", "y"};
  EXPECT_THAT(error_of([&] { load("target"); }), HasSubstr("there are 2 target columns"));
}

TEST_F(PartitionLoad, TheFingerprintKnowsTheValuesOfAnIgnoredColumn) {
  const Splits first = load("user");
  std::string csv = "user,x,y,label\n";
  for (int i = 0; i < 40; ++i) {
    const std::string x = i % 10 == 3 ? "" : std::to_string(i);
    csv += fmt::format("u{},{},{},{}\n", i == 5 ? 3 : i % 4, x, i % 3, i % 2 ? "odd" : "even");
  }
  folder_.write("t.csv", csv);
  const std::vector<std::string> both = {first.fingerprint, load("user").fingerprint};
  EXPECT_THAT(error_of([&] { require_same_data(both); }),
              HasSubstr("checksum of the values that samples are partitioned by"));
}

TEST(DataPartition, ArraysHaveTheirTargetOnly) {
  const test::Directory folder;
  folder.write("x", test::idx_u8({4, 2}, "abcdefgh"));
  folder.write("y", test::idx_u8({4}, test::bytes("\1\0\2\1")));
  DataOptions data;
  data.train = {"", "x", "y"};
  const auto load = [&](const char* value) {
    const PartitionOptions partition{.by = "value", .own = ByValue{.value = value}};
    return load_splits({data, {}, 1, folder.path(), partition});
  };
  EXPECT_THAT(load("target").values.numbers, ElementsAre(1, 0, 2, 1));
  EXPECT_THAT(error_of([&] { load("pixel"); }),
              HasSubstr("x is an array, which has no column 'pixel'; write target"));
}

TEST(DataPartition, DistancesAndEntropies) {
  const std::vector<std::int64_t> whole = {50, 30, 20};
  EXPECT_DOUBLE_EQ(label_distance(std::vector<std::int64_t>{5, 3, 2}, whole), 0);
  EXPECT_DOUBLE_EQ(label_distance(std::vector<std::int64_t>{0, 0, 7}, whole), 0.8);
  EXPECT_DOUBLE_EQ(label_distance(std::vector<std::int64_t>{0, 0, 0}, whole), 0);
  EXPECT_DOUBLE_EQ(label_entropy(std::vector<std::int64_t>{4, 4, 4, 4}), 2);
  EXPECT_DOUBLE_EQ(label_entropy(std::vector<std::int64_t>{4, 0}), 0);
}

TEST(DataPartition, ManyNumbersAreLabelledByTenParts) {
  std::vector<double> numbers(100);
  std::iota(numbers.begin(), numbers.end(), 0.0);
  const SampleLabels labels = sample_labels(values_of_numbers(numbers), true);
  EXPECT_TRUE(labels.parts);
  EXPECT_THAT(labels.counts, Each(10));
  EXPECT_EQ(labels.names[0], "0 to 9");
  const SampleLabels classes = sample_labels(values_of_numbers({1, 3, 3}), false);
  EXPECT_THAT(classes.names, ElementsAre("1", "3"));
  EXPECT_THAT(classes.counts, ElementsAre(1, 2));
}

TEST(DataPartition, ManyEqualNumbersStayTogether) {
  std::vector<double> numbers(100, 5);
  for (int i = 0; i < 20; ++i) numbers[static_cast<std::size_t>(i)] = 10 + i;
  const SampleLabels labels = sample_labels(values_of_numbers(numbers), true);
  EXPECT_EQ(labels.names[0], "5");
  EXPECT_EQ(labels.counts[0], 80);
  EXPECT_EQ(std::accumulate(labels.counts.begin(), labels.counts.end(), std::int64_t{0}), 100);
}

// Classes a, b and c of 60, 30 and 10 samples, in this order; users of ten samples each.
class PartitionReport : public ::testing::Test {
 protected:
  PartitionReport() {
    std::string csv = "user,x,label\n";
    for (int i = 0; i < 100; ++i)
      csv += fmt::format("u{},{},{}\n", i * 7 % 10, i, i < 60 ? "a" : i < 90 ? "b" : "c");
    folder_.write("t.csv", csv);
  }

  Job job(const std::string& partition, const std::string& more = "") {
    Job job = parse_job(
        "name: j\ndata: {train: t.csv, target: label, csv: {ignore: [user]}}\n"
        "partition: {" +
            partition + "}\ntrain: {batch: 20, lanes: 4}\n" + more,
        "job.yaml");
    job.directory = folder_.path();
    return job;
  }
  Json describe(const std::string& partition, PartitionQuery query = {},
                const std::string& more = "") {
    const Job described = job(partition, more);
    query.name = described.name;
    query.strategy = described.strategy.kind;
    query.own_steps = strategy_traits(described.strategy).own_steps;
    return describe_partition(load_options(described), described.train, query);
  }
  static PartitionQuery explain(int workers = 0, const std::string& value = "") {
    PartitionQuery query;
    query.explain = true;
    query.workers = workers;
    query.value = value;
    return query;
  }

  test::Directory folder_;
};

TEST_F(PartitionReport, SequentialBlocksOfASortedFileAreCounted) {
  const Json json = describe("order: sequential");
  EXPECT_EQ(json["samples"], 100);
  EXPECT_EQ(json["steps"], 5);
  EXPECT_EQ(json["bytes_per_sample"], 4);
  ASSERT_EQ(json["lanes"].size(), 4u);
  // Batches aaaa, of which the fourth has 20 b and the fifth 10 b and 10 c.
  EXPECT_EQ(json["lanes"][0]["counts"], Json({15, 10, 0}));
  EXPECT_EQ(json["lanes"][3]["counts"], Json({15, 5, 5}));
  EXPECT_EQ(json["lanes"][3]["samples"], 25);
  EXPECT_EQ(json["lanes"][3]["bytes"], 100);
  EXPECT_NEAR(json["lanes"][3]["skew"].get<double>(), 0.1, 1e-12);
  EXPECT_EQ(json["lanes"][3]["over"]["label"], "c");
  EXPECT_NEAR(json["lanes"][3]["over"]["times"].get<double>(), 2, 1e-12);
  // |1 - .6| three times, |1 - .3| once, and .6 of a missing.
  EXPECT_NEAR(json["batches"]["mean"].get<double>(), (3 * 0.4 + 0.7 + 0.6) / 5, 1e-12);
}

TEST_F(PartitionReport, WorkersHaveTheirLanesAndReplicas) {
  PartitionQuery query;
  query.workers = 2;
  query.replicas = 2;
  const Json json = describe("by: value, assign: stratified", query);
  EXPECT_EQ(json["workers"].size(), 2u);
  EXPECT_EQ(json["workers"][1]["counts"], Json({30, 14, 6}));
  EXPECT_EQ(json["lanes"][2]["worker"], 1);
  EXPECT_EQ(json["lanes"][2]["replica"], 0);
  EXPECT_EQ(json["lanes"][3]["replica"], 1);
  EXPECT_EQ(json["largest_of_mean"], 1);
  EXPECT_NEAR(json["skew_mean"].get<double>(), 0.02, 1e-12);
  EXPECT_EQ(json["value"], "label");
}

TEST_F(PartitionReport, HashOfFewValuesLeavesLanesEmpty) {
  const Json json = describe("by: value, assign: hash", explain());
  std::int64_t samples = 0;
  for (const Json& lane : json["lanes"]) samples += lane["samples"].get<std::int64_t>();
  EXPECT_EQ(samples, 100);
  EXPECT_GE(json["empty"].get<int>(), 1);
  EXPECT_THAT(json["explain"]["reasons"].back().get<std::string>(), HasSubstr("without samples"));
}

TEST_F(PartitionReport, OfASortedFileInSequenceStratifiedIsAdvised) {
  const Json json = describe("order: sequential", explain())["explain"];
  EXPECT_EQ(json["suits"]["assign"], "stratified");
  EXPECT_THAT(json["reasons"][0].get<std::string>(), HasSubstr("in order of its labels"));
  ASSERT_EQ(json["contestants"].size(), 5u);
  EXPECT_LT(json["contestants"][2]["batch_mean"], json["contestants"][0]["batch_mean"]);
}

TEST_F(PartitionReport, ShuffledASortedFileIsHarmlessButNamed) {
  const Json json = describe("order: shuffled", explain())["explain"];
  EXPECT_EQ(json["suits"]["by"], "row");
  EXPECT_THAT(json["reasons"].dump(), HasSubstr("Keep partition.order shuffled"));
}

TEST_F(PartitionReport, OfAColumnThatGroupsSamplesHashIsAdvised) {
  const Json json = describe("order: shuffled", explain(0, "user"))["explain"];
  EXPECT_EQ(json["values"], 10);
  EXPECT_EQ(json["samples_a_value"], 10);
  EXPECT_EQ(json["suits"]["assign"], "hash");
  EXPECT_THAT(json["reasons"][0].get<std::string>(), HasSubstr("'user' has 10 values"));
}

TEST_F(PartitionReport, OfWorkersWithStepsOfTheirOwnStratifiedIsAdvised) {
  const Json json = describe("order: shuffled", explain(4), "strategy: local_sgd\n")["explain"];
  EXPECT_EQ(json["suits"]["assign"], "stratified");
  EXPECT_THAT(json["reasons"][0].get<std::string>(), HasSubstr("steps of their own"));
}

TEST_F(PartitionReport, ImpossibleQueriesAreRefused) {
  EXPECT_THAT(error_of([&] { describe("by: value, assign: hash", explain(0, "user")); }),
              HasSubstr("--value: the job partitions by 'target' already"));
  PartitionQuery query;
  query.epoch = -1;
  EXPECT_THAT(error_of([&] { describe("by: row", query); }), HasSubstr("impossible"));
}

TEST_F(PartitionReport, TextNamesEveryLane) {
  const std::string text =
      format_partition_report(describe("by: value, assign: stratified", explain(2)));
  EXPECT_THAT(text, HasSubstr("j: 100 training samples in 4 lanes, by value of label, stratified"));
  EXPECT_THAT(text, HasSubstr("worker   lane"));
  EXPECT_THAT(text, HasSubstr("the job's"));
  EXPECT_THAT(text, HasSubstr("<- suits"));
  EXPECT_THAT(text, HasSubstr("what suits: by "));
}

TEST(DataPartition, ManyLabelsAreToldByTheirEntropy) {
  const test::Directory folder;
  std::string csv = "x,label\n";
  for (int i = 0; i < 120; ++i) csv += fmt::format("{},l{}\n", i, i % 12);
  folder.write("t.csv", csv);
  Job job = parse_job("data: {train: t.csv, target: label}\ntrain: {batch: 24, lanes: 2}\n", "j");
  job.directory = folder.path();
  const std::string text =
      format_partition_report(describe_partition(load_options(job), job.train, {}));
  EXPECT_THAT(text, HasSubstr("entropy"));
  EXPECT_THAT(text, HasSubstr("times"));
}

}  // namespace data_partition_test
}  // namespace convoy
