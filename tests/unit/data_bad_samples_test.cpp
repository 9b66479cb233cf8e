// data.on_bad_sample: skip. Samples that cannot be read are left out, the same everywhere.
#include <fmt/format.h>
#include <gmock/gmock.h>

#include <cmath>
#include <limits>

#include "convoy/data/formats/formats.hpp"
#include "convoy/data/load.hpp"
#include "data_peers.hpp"
#include "data_support.hpp"

namespace convoy {
namespace data_bad_samples_test {

using test::error_of;
using test::idx_u8;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

std::string problems(const Table& table) {
  std::string text;
  for (const BadRow& row : table.bad) text += fmt::format("{} {}\n", row.row, row.problem);
  return text;
}

TEST(DataBadRows, EachKindOfBadRowIsNamedAndTheRestIsRead) {
  const std::string text =
      "a,b,c\n"
      "1,x,1\n"
      "2,x\n"
      "3,x,1,1\n"
      "four,x,1\n"
      "5,x,inf\n"
      "6,\xff,1\n"
      "7,\"y\",1\n"
      "8,\"y\" z,1\n"
      "9,\"y,1\n"
      "10,y,1\n" +
      std::string("11,n\0l,1\n", 9) + "12,z,\n";
  const CsvTolerance tolerance{0.5, {}};
  const Table table = parse_csv(text, "t.csv", {}, &tolerance);
  EXPECT_EQ(problems(table),
            "1 t.csv:3: 2 fields where 3 are expected\n"
            "2 t.csv:4: 4 fields where 3 are expected\n"
            "3 t.csv:5: column 'a': 'four' is not a number\n"
            "4 t.csv:6: column 'c': 'inf' is not a finite number\n"
            "5 t.csv:7: column 'b': the text is not UTF-8\n"
            "7 t.csv:9: text after a closing quote; write a quote inside quotes as \"\"\n"
            "8 t.csv:10: a quote that opens here is never closed\n"
            "10 t.csv:12: column 'b': 'n?l' holds a NUL byte\n");
  ASSERT_EQ(table.rows, 12);
  EXPECT_FALSE(table.columns[0].categorical);
  EXPECT_EQ(table.columns[0].numbers[9], 10);
  EXPECT_TRUE(std::isnan(table.columns[0].numbers[8]));
  EXPECT_EQ(table.columns[1].codes[1], -1);
  EXPECT_THAT(table.columns[1].categories, ElementsAre("x", "y", "z"));
  EXPECT_TRUE(std::isnan(table.columns[2].numbers[11])) << "missing is not bad";
}

TEST(DataBadRows, TheLinesOfAnOpenQuoteAreReadOneByOne) {
  const CsvTolerance tolerance{0.5, {}};
  const Table table = parse_csv("a,b\n1,\"x\n2,y\n3,\"z\"\n4,w\n", "t.csv", {}, &tolerance);
  EXPECT_EQ(problems(table),
            "0 t.csv:4: text after a closing quote; write a quote inside quotes as \"\"\n");
  EXPECT_EQ(table.rows, 4);
  EXPECT_THAT(table.columns[1].categories, ElementsAre("y", "z", "w"));
  const Table whole = parse_csv("a,b\n1,\"x\ny\"\n2,z\n", "t.csv", {}, &tolerance);
  EXPECT_TRUE(whole.bad.empty()) << "a line end inside quotes is no damage";
  EXPECT_THAT(whole.columns[1].categories, ElementsAre("x\ny", "z"));
}

TEST(DataBadRows, ATypeIsWhatMostOfTheColumnIs) {
  std::string mostly_numbers = "a\n";
  std::string mixed = "a\n";
  for (int i = 0; i < 99; ++i) mostly_numbers += "1\n";
  for (int i = 0; i < 90; ++i) mixed += "1\n";
  mostly_numbers += "x\n";
  for (int i = 0; i < 10; ++i) mixed += "x\n";
  const CsvTolerance tolerance;
  EXPECT_EQ(parse_csv(mostly_numbers, "t.csv", {}, &tolerance).bad.size(), 1u);
  const Table table = parse_csv(mixed, "t.csv", {}, &tolerance);
  EXPECT_TRUE(table.bad.empty());
  EXPECT_THAT(table.columns[0].categories, ElementsAre("1", "x"));
  const CsvTolerance known{0.01, {"a"}};
  EXPECT_EQ(parse_csv(mixed, "t.csv", {}, &known).bad.size(), 10u);
}

TEST(DataBadRows, ABadFirstRowDoesNotDecideTheWidth) {
  CsvOptions options;
  options.header = "false";
  const CsvTolerance tolerance{0.5, {}};
  const Table table = parse_csv("1\n1,2\n3,4\n\"\n5,6", "t.csv", options, &tolerance);
  EXPECT_EQ(table.columns.size(), 2u);
  EXPECT_EQ(table.rows, 5);
  EXPECT_EQ(table.bad.size(), 2u);
}

class DataBadSamples : public ::testing::Test {
 protected:
  DataBadSamples() { data_.on_bad_sample = "skip"; }

  /// 1,000 rows of which those in `bad` are not.
  void write_table(const std::vector<int>& bad) {
    std::string csv = "a,b,y\n";
    for (int i = 0; i < 1000; ++i) {
      const bool damaged = std::find(bad.begin(), bad.end(), i) != bad.end();
      csv +=
          damaged ? "1,oops\n" : fmt::format("{},{},{}\n", i, i * i % 17, i % 3 == 0 ? "p" : "q");
    }
    directory_.write("x.csv", csv);
    data_.train.file = "x.csv";
    data_.target = {"y"};
  }
  void write_floats(const std::string& name, std::vector<std::int64_t> shape,
                    const std::vector<float>& values) const {
    Array array;
    array.shape = std::move(shape);
    array.bytes = std::as_bytes(std::span(values));
    directory_.write(name, format_npy(array));
  }
  Splits load(Peers* peers = nullptr) const {
    return load_splits({data_, {PreprocessStep{"standardise"}}, 5, directory_.path()}, peers);
  }
  static std::vector<std::int64_t> all_numbers(const Dataset& dataset) {
    std::vector<std::int64_t> rows(static_cast<std::size_t>(dataset.size()));
    for (std::size_t i = 0; i < rows.size(); ++i) rows[i] = static_cast<std::int64_t>(i);
    return dataset.read(rows).samples;
  }

  test::Directory directory_;
  DataOptions data_;
};

TEST_F(DataBadSamples, RowsOfATableAreLeftOutAndCounted) {
  write_table({7, 19, 40});
  data_.validation = 0.1;
  const Splits splits = load();
  EXPECT_EQ(splits.skipped_samples, 3);
  ASSERT_EQ(splits.skipped.size(), 1u);
  EXPECT_THAT(splits.skipped[0],
              AllOf(HasSubstr("x.csv: 3 of 1,000 samples left out: 7, 19, 40; the first: "),
                    HasSubstr("x.csv:9: 2 fields where 3 are expected")));
  EXPECT_EQ(splits.train->size() + splits.validation->size(), 997);
  for (const auto& split : {splits.train, splits.validation}) {
    for (const std::int64_t bad : {7, 19, 40})
      EXPECT_THAT(all_numbers(*split), ::testing::Not(::testing::Contains(bad)));
  }
}

TEST_F(DataBadSamples, StoppingIsTheDefault) {
  write_table({7});
  data_.on_bad_sample = DataOptions().on_bad_sample;
  EXPECT_THAT(error_of([&] { load(); }), HasSubstr("x.csv:9: 2 fields where 3 are expected"));
}

TEST_F(DataBadSamples, TooManyStopTheJobWithOneLine) {
  write_table({1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11});
  EXPECT_THAT(error_of([&] { load(); }),
              AllOf(HasSubstr("x.csv: 11 of 1,000 samples cannot be read, more than the part of "
                              "0.01 that data.max_bad_samples allows; the first: "),
                    HasSubstr("x.csv:3: 2 fields")));
  data_.max_bad_samples = 0.011;
  EXPECT_EQ(load().skipped_samples, 11);
}

TEST_F(DataBadSamples, WithoutBadSamplesNothingChanges) {
  write_table({});
  const Splits skip = load();
  data_.on_bad_sample = "stop";
  const Splits stop = load();
  EXPECT_EQ(skip.skipped_samples, 0);
  EXPECT_TRUE(skip.skipped.empty());
  EXPECT_EQ(skip.fitted, stop.fitted);
  EXPECT_EQ(skip.fingerprint, stop.fingerprint);
}

TEST_F(DataBadSamples, TheSameRowsForAnyNumberOfWorkers) {
  std::vector<float> values(1200 * 3);
  for (std::size_t i = 0; i < values.size(); ++i) values[i] = static_cast<float>(i % 101);
  values[3 * 50 + 1] = std::numeric_limits<float>::quiet_NaN();
  values[3 * 700] = std::numeric_limits<float>::infinity();
  values[3 * 700 + 1] = std::numeric_limits<float>::infinity();
  write_floats("x.npy", {1200, 3}, values);
  std::string labels(1200, '\0');
  for (std::size_t i = 0; i < labels.size(); ++i) labels[i] = static_cast<char>(i % 3);
  labels[900] = 77;
  directory_.write("labels", idx_u8({1200}, labels));
  data_.train = {"", "x.npy", "labels"};
  data_.classes = 3;
  data_.test_part = 0.2;
  const Splits one = load();
  EXPECT_EQ(one.skipped_samples, 3);
  EXPECT_THAT(one.skipped.at(0),
              HasSubstr("3 of 1,200 samples left out: 50, 700, 900; the first: "));
  EXPECT_EQ(one.train->size() + one.test->size(), 1197);
  for (const int workers : {2, 3, 8}) {
    test::run_workers(workers, [&](Peers& peers) {
      const Splits splits = load(&peers);
      EXPECT_EQ(splits.fitted, one.fitted);
      EXPECT_EQ(splits.skipped, one.skipped);
      EXPECT_EQ(splits.fingerprint, one.fingerprint);
      EXPECT_EQ(all_numbers(*splits.train), all_numbers(*one.train));
    });
  }
}

TEST_F(DataBadSamples, LabelsThatAreNotFiniteAndBadTestFiles) {
  write_floats("x.npy", {200, 2}, std::vector<float>(400, 1.5F));
  std::vector<float> y(200, 0.25F);
  y[3] = std::numeric_limits<float>::quiet_NaN();
  y[0] = 7;
  write_floats("y.npy", {200}, y);
  data_.train = {"", "x.npy", "y.npy"};
  std::vector<float> test_x(400, 2.5F);
  test_x[0] = std::numeric_limits<float>::infinity();
  write_floats("test_x.npy", {200, 2}, test_x);
  data_.test = {"", "test_x.npy", "y.npy"};
  const Splits splits = load();
  EXPECT_EQ(splits.skipped_samples, 3);
  EXPECT_EQ(splits.train->size(), 199);
  EXPECT_EQ(splits.test->size(), 198);
  EXPECT_EQ(splits.test->read(std::vector<std::int64_t>{0}).samples[0], 1);
  const std::vector<std::int64_t> first{0};
  EXPECT_EQ(splits.train->read(first).target.item<float>(), 7);
}

TEST_F(DataBadSamples, ABadLabelLineTakesItsFeaturesAlong) {
  std::string x = "a\n";
  std::string y = "y\n";
  for (int i = 0; i < 300; ++i) {
    x += i == 5 ? "1,2\n" : fmt::format("{}\n", i);
    y += i == 9 ? "1,2\n" : fmt::format("{}\n", i % 2);
  }
  directory_.write("x.csv", x);
  directory_.write("y.csv", y);
  data_.train = {"", "x.csv", "y.csv"};
  const Splits splits = load_splits({data_, {}, 5, directory_.path()});
  EXPECT_THAT(splits.skipped.at(0), HasSubstr("2 of 300 samples left out: 5, 9; the first: "));
  const std::vector<std::int64_t> sixth{5};
  EXPECT_EQ(splits.train->read(sixth).features.item<float>(), 6);
}

TEST_F(DataBadSamples, WhatWasLeftOutIsPartOfTheRecord) {
  write_table({7});
  const Splits a = load();
  write_table({8});
  const Splits b = load();
  EXPECT_NE(a.fitted["left_out"], b.fitted["left_out"]);
  EXPECT_THAT(error_of([&] {
                require_same_data(std::vector<std::string>{a.fingerprint, b.fingerprint});
              }),
              HasSubstr("train: samples left out: 1 ("));
}

TEST(DataFingerprint, WorkersThatLoadedAloneAreCompared) {
  test::Directory directory;
  DataOptions data;
  data.train.file = "x.csv";
  data.target = {"y"};
  const auto fingerprint = [&](const char* csv) {
    directory.write("x.csv", csv);
    return load_splits({data, {}, 1, directory.path()}).fingerprint;
  };
  const std::string first = fingerprint("a,y\n1,0\n2,1\n");
  const std::string other = fingerprint("a,y\n1,0\n2,1\n3,1\n");
  EXPECT_EQ(first, fingerprint("a,y\n1,0\n2,1\n"));
  require_same_data(std::vector{first, first, first});
  EXPECT_THAT(error_of([&] {
                require_same_data(std::vector{first, first, other});
              }),
              AllOf(HasSubstr("worker 2 ("), HasSubstr(") has other data than worker 0 ("),
                    HasSubstr("train: samples: 3 where worker 0 has 2")));
  const std::vector<std::size_t> numbers{3, 7};
  EXPECT_THAT(error_of([&] {
                require_same_data(std::vector{first, other}, numbers);
              }),
              AllOf(HasSubstr("worker 7 ("), HasSubstr("where worker 3 has 2")));
  EXPECT_THAT(error_of([&] {
                require_same_data(std::vector<std::string>{first, "{}"});
              }),
              HasSubstr("worker 1 sent something else than expected"));
}

}  // namespace data_bad_samples_test
}  // namespace convoy
