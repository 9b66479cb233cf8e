// What `convoy data inspect` finds, against numbers worked out by hand or by NumPy.
#include <gmock/gmock.h>

#include "convoy/data/inspect/inspect.hpp"
#include "convoy/job/job.hpp"
#include "convoy/report/data_report.hpp"
#include "data/inspect/describe.hpp"
#include "data/inspect/histogram.hpp"
#include "data/inspect/thread_peers.hpp"
#include "data_support.hpp"

namespace convoy {
namespace data_inspect_test {

using Json = nlohmann::ordered_json;
using test::error_of;
using ::testing::Contains;
using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

Column numbers_column(std::vector<double> numbers) {
  Column column;
  column.name = std::string("x");  // GCC 12 warns of the literal
  column.numbers = std::move(numbers);
  return column;
}

Array floats_array(const std::vector<std::int64_t>& shape, std::vector<float> numbers) {
  Array array;
  array.shape = shape;
  const auto owner = std::make_shared<std::vector<float>>(std::move(numbers));
  array.bytes = std::as_bytes(std::span<const float>(*owner));
  array.owner = owner;
  return array;
}

Job job_of(const test::Directory& folder, const std::string& data) {
  Job job = parse_job("name: j\ndata:\n" + data + "model: {kind: mlp, hidden: [4]}\nloss: auto\n",
                      "job.yaml");
  job.directory = folder.path();
  return job;
}

Json inspect_table(const std::string& csv, const std::vector<std::string>& target = {}) {
  const test::Directory folder;
  DataOptions data;
  data.target = target;
  return inspect_file(folder.write("t.csv", csv), data, 2);
}

std::vector<std::string> notes_of(const Json& record) {
  return record.at("notes").get<std::vector<std::string>>();
}

/// `rows` lines "i,parity", i from 0, behind a header.
std::string counting_csv(int rows) {
  std::string csv = "i,label\n";
  for (int i = 0; i < rows; ++i) csv += std::to_string(i) + (i % 2 ? ",odd\n" : ",even\n");
  return csv;
}

TEST(DataInspect, NumbersAreDescribedAsNumPyDoes) {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  const Json json = describe_column(numbers_column({4, 1, nan, 2.5, 10, 1}));
  EXPECT_EQ(json["kind"], "number");
  EXPECT_EQ(json["missing"], 1);
  EXPECT_DOUBLE_EQ(json["missing_part"], 1.0 / 6);
  EXPECT_EQ(json["distinct"], 4);
  EXPECT_EQ(json["whole"], false);
  EXPECT_EQ(json["min"], 1);
  EXPECT_EQ(json["lower_quartile"], 1);
  EXPECT_EQ(json["median"], 2.5);
  EXPECT_EQ(json["upper_quartile"], 4);
  EXPECT_EQ(json["max"], 10);
  EXPECT_DOUBLE_EQ(json["mean"], 3.7);
  EXPECT_DOUBLE_EQ(json["std"], 3.3406586176980134);
  EXPECT_EQ(json["commonest"][0]["value"], 1);
  EXPECT_EQ(json["commonest"][0]["count"], 2);
}

TEST(DataInspect, QuartilesLieBetweenValues) {
  const Json json = describe_column(numbers_column({1, 2, 3, 4}));
  EXPECT_DOUBLE_EQ(json["lower_quartile"], 1.75);
  EXPECT_DOUBLE_EQ(json["median"], 2.5);
  EXPECT_DOUBLE_EQ(json["upper_quartile"], 3.25);
}

TEST(DataInspect, ColumnsWithoutValuesAndConstantOnesAreDescribedToo) {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  const Json none = describe_column(numbers_column({nan, nan}));
  EXPECT_EQ(none["missing_part"], 1);
  EXPECT_FALSE(none.contains("mean"));
  const Json constant = describe_column(numbers_column({7, 7, 7}));
  EXPECT_EQ(constant["std"], 0);
  EXPECT_THAT(constant["histogram"]["counts"].get<std::vector<int>>(), ElementsAre(3));
}

TEST(DataInspect, HistogramsHaveABinForEachOfFewWholeNumbers) {
  EXPECT_EQ(empty_histogram(0, 9, true).counts.size(), 10U);
  EXPECT_EQ(empty_histogram(0, 9, true).bin_of(3), 3U);
  const Histogram even = empty_histogram(0, 10, false);
  EXPECT_EQ(even.counts.size(), 20U);
  EXPECT_EQ(even.bin_of(0), 0U);
  EXPECT_EQ(even.bin_of(10), 19U) << "the largest value is in the last bin";
  const Histogram wide = empty_histogram(-1e308, 1e308, false);
  EXPECT_EQ(wide.bin_of(0), 10U) << "although the width overflows";
}

TEST(DataInspect, ArraysAreTheSameForAnyNumberOfReplicas) {
  std::vector<float> numbers(3'000 * 7);
  for (std::size_t i = 0; i < numbers.size(); ++i)
    numbers[i] = static_cast<float>(i % 611) * 0.37f - 3.0f;
  numbers[5] = std::numeric_limits<float>::quiet_NaN();
  numbers[6] = std::numeric_limits<float>::infinity();
  const Array array = floats_array({3'000, 7}, numbers);
  const auto described = [&](int replicas) {
    std::vector<std::string> texts(static_cast<std::size_t>(replicas));
    run_as_peers(replicas, [&](Peers& peers) {
      texts[static_cast<std::size_t>(peers.rank())] = describe_array(array, peers).dump();
    });
    EXPECT_THAT(texts, Each(texts[0]));
    return texts[0];
  };
  const Json json = Json::parse(described(1));
  EXPECT_EQ(json["type"], "float32");
  EXPECT_EQ(json["not_finite"], 2);
  EXPECT_EQ(json["min"], -3);
  for (const int replicas : {2, 3, 8}) EXPECT_EQ(described(replicas), json.dump()) << replicas;
}

TEST(DataInspect, ALoneArrayMayHoldWhatTrainingRefuses) {
  const test::Directory folder;
  const float nan = std::numeric_limits<float>::quiet_NaN();
  const auto line = folder.write("line.npy", format_npy(floats_array({4}, {1, nan, 1, 2})));
  EXPECT_EQ(inspect_file(line, {}, 1)["files"][0]["columns"][0]["missing"], 1);
  const auto square = folder.write("square.npy", format_npy(floats_array({2, 2}, {1, nan, 3, 2})));
  EXPECT_THAT(notes_of(inspect_file(square, {}, 1)),
              Contains("1 of 4 elements are not finite 32-bit numbers"));
}

TEST(DataInspect, AReplicaThatFailsDoesNotLeaveOthersWaiting) {
  EXPECT_THROW(run_as_peers(3,
                            [](Peers& peers) {
                              if (peers.rank() == 0) throw InputError("bad");
                              peers.all_gather("x");
                            }),
               InputError);
}

TEST(DataInspect, AFileIsDescribedWithoutATarget) {
  const Json record = inspect_table(counting_csv(40));
  EXPECT_EQ(record["kind"], "file");
  EXPECT_EQ(record["files"][0]["samples"], 40);
  EXPECT_EQ(record["files"][0]["columns"][1]["kind"], "text");
  EXPECT_EQ(record["files"][0]["columns"][1]["commonest"][0]["value"], "even");
  EXPECT_THAT(record["splits"], IsEmpty());
  EXPECT_THAT(notes_of(record), IsEmpty());
}

TEST(DataInspect, WhatIsStrangeIsNamed) {
  std::string csv = "id,same,empty,rare,gaps,y\n";
  for (int i = 0; i < 50; ++i) {
    csv += "name" + std::to_string(i) + ",5,," + (i == 7 ? "1" : "") + "," +
           (i % 10 ? std::to_string(i * i) : "") + "," + (i == 3 ? "b" : "a") + "\n";
  }
  const std::vector<std::string> notes = notes_of(inspect_table(csv, {"y"}));
  EXPECT_THAT(notes, Contains(HasSubstr("column 'id': another text in each row")));
  EXPECT_THAT(notes, Contains("column 'same': constant, 5"));
  EXPECT_THAT(notes, Contains("column 'empty': every value is missing"));
  EXPECT_THAT(notes, Contains("column 'rare': 98% of the values are missing"));
  EXPECT_THAT(notes, Contains("values are missing in 1 column: 'gaps' (10%)"));
  EXPECT_THAT(notes, Contains("labels are very uneven: class 'a' has 49 samples (98%), class "
                              "'b' has 1 sample (2%)"));
}

TEST(DataInspect, AFirstLineOfDataIsNotedAndCanBeSaidToBeData) {
  const test::Directory folder;
  const auto file = folder.write("t.csv", "1.5,2\n3,4\n5,6\n");
  EXPECT_THAT(notes_of(inspect_file(file, {}, 1)), Contains(HasSubstr("data.csv.header")));
  DataOptions data;
  data.csv.header = std::string("false");
  const Json record = inspect_file(file, data, 1);
  EXPECT_EQ(record["files"][0]["samples"], 3);
  EXPECT_THAT(notes_of(record), IsEmpty());
}

TEST(DataInspect, RowsThatOccurTwiceAreCounted) {
  const Json record = inspect_table("a,b\n1,x\n2,y\n1,x\n-0,z\n0,z\n");
  EXPECT_EQ(record["files"][0]["duplicates"], 2);
  EXPECT_THAT(notes_of(record),
              Contains("2 of 5 samples have the same features as an earlier one"));
}

TEST(DataInspect, SplitsOfAJobHaveTheirLabelsCounted) {
  const test::Directory folder;
  folder.write("t.csv", counting_csv(100));
  const Json record = inspect_splits(
      load_options(
          job_of(folder, "  train: t.csv\n  target: label\n  validation: 0.1\n  test_part: 0.2\n")),
      "j", 3);
  EXPECT_EQ(record["task"], "binary");
  ASSERT_EQ(record["splits"].size(), 3U);
  std::int64_t even = 0;
  std::int64_t samples = 0;
  for (const Json& split : record["splits"]) {
    even += split["classes"][0]["count"].get<std::int64_t>();
    samples += split["samples"].get<std::int64_t>();
  }
  EXPECT_EQ(record["splits"][0]["samples"], 70);
  EXPECT_EQ(record["splits"][2]["split"], "test");
  EXPECT_EQ(samples, 100);
  EXPECT_EQ(even, 50);
}

TEST(DataInspect, ARegressionTargetIsDescribedBySplit) {
  const test::Directory folder;
  std::string csv = "a,y\n";
  for (int i = 0; i < 20; ++i) csv += std::to_string(i) + "," + std::to_string(i * 0.5) + "\n";
  folder.write("t.csv", csv);
  const Json record = inspect_splits(
      load_options(job_of(folder, "  train: t.csv\n  target: y\n  test_part: 0.25\n")), "j", 1);
  EXPECT_EQ(record["task"], "regression");
  EXPECT_EQ(record["splits"][1]["samples"], 5);
  EXPECT_EQ(record["splits"][1]["target"][0]["distinct"], 5);
}

TEST(DataInspect, TestSamplesThatAreAlsoTrainedOnAreNoted) {
  const test::Directory folder;
  folder.write("train.csv", "a,b,y\n1,x,p\n2,z,q\n3,z,q\n");
  folder.write("test.csv", "a,b,y\n9,z,q\n3,z,p\n");  // another order of categories
  const Json record = inspect_splits(
      load_options(job_of(folder, "  train: train.csv\n  test: test.csv\n  target: y\n")), "j", 2);
  EXPECT_EQ(record["splits"][1]["also_in_train"], 1);
  EXPECT_THAT(notes_of(record),
              Contains("test: 1 of 2 samples has the features of a training sample"));
}

TEST(DataInspect, SamplesThatCannotBeReadAreNotedAndNotCounted) {
  const test::Directory folder;
  folder.write("t.csv", "a,b,y\n1,2,p\n1,q\n3,4,q\n5,6,p\n");
  const Json record =
      inspect_splits(load_options(job_of(folder, "  train: t.csv\n  target: y\n")), "j", 1);
  EXPECT_EQ(record["files"][0]["samples"], 3);
  EXPECT_EQ(record["files"][0]["columns"][0]["missing"], 0);
  EXPECT_THAT(notes_of(record)[0], HasSubstr("1 of 4 samples left out: 1"));
  EXPECT_THAT(notes_of(record)[0], HasSubstr("training stops there"));
}

TEST(DataInspect, ImagesAndLabelsOfAJob) {
  const test::Directory folder;
  folder.write("x-idx", test::idx_u8({3, 2, 2}, test::bytes("\0\0\0\xff\1\2\3\4\0\0\0\xff")));
  folder.write("y-idx", test::idx_u8({3}, test::bytes("\0\2\0")));
  const Json record = inspect_splits(
      load_options(job_of(folder, "  train: {features: x-idx, labels: y-idx}\n")), "j", 2);
  const Json& array = record["files"][0]["array"];
  EXPECT_EQ(array["shape"], Json({3, 2, 2}));
  EXPECT_EQ(array["max"], 255);
  EXPECT_EQ(array["zeros"], 6);
  EXPECT_EQ(record["files"][0]["duplicates"], 1);
  EXPECT_EQ(record["splits"][0]["classes"][2]["count"], 1);
  EXPECT_THAT(notes_of(record), Contains("no sample of class '1'"));
  const Json labels = inspect_file(folder.path() / "y-idx", DataOptions{}, 1);
  EXPECT_EQ(labels["files"][0]["columns"][0]["commonest"][0]["count"], 2);
}

TEST(DataInspect, WrongInputIsOneLine) {
  const test::Directory folder;
  const auto error = [&](const std::string& name, const std::vector<std::string>& target) {
    DataOptions data;
    data.target = target;
    return error_of([&] { inspect_file(folder.path() / name, data, 1); });
  };
  EXPECT_THAT(error("missing.csv", {}), HasSubstr("missing.csv"));
  folder.write("t.csv", "a,b\n1,2\n");
  EXPECT_THAT(error("t.csv", {"c"}), HasSubstr("no column 'c'"));
  folder.write("empty.csv", "a,b\n");
  EXPECT_THAT(error("empty.csv", {}), HasSubstr("no samples"));
  folder.write("x-idx", test::idx_u8({1, 2}, "ab"));
  EXPECT_THAT(error("x-idx", {"c"}), HasSubstr("is an array"));
}

TEST(DataInspect, TheTextShowsWhatWasFound) {
  const std::string text = format_data_report(inspect_table(counting_csv(40), {"label"}), true);
  EXPECT_THAT(text, HasSubstr("t.csv: binary of label\n"));
  EXPECT_THAT(text,
              HasSubstr("i             40    0    19.5   39  19.5  11.54  ████████████████████"));
  EXPECT_THAT(text, HasSubstr("even        20  50.0%"));
  EXPECT_THAT(text, HasSubstr("Nothing strange"));
  const std::string plain = format_data_report(inspect_table(counting_csv(40), {"label"}), false);
  EXPECT_THAT(plain, Not(HasSubstr("█")));
}

TEST(DataInspect, NamesFromDataDoNoHarm) {
  const Json record = inspect_table("</script>\x1b[31m,b\n1,2\n3,4\n");
  EXPECT_THAT(format_data_report(record, false), Not(HasSubstr("\x1b")));
  const test::Directory folder;
  write_data_page(folder.path() / "page.html", Json::array({record}));
  std::ifstream file(folder.path() / "page.html");
  const std::string page{std::istreambuf_iterator<char>(file), {}};
  EXPECT_THAT(page, Not(HasSubstr("{{")));
  EXPECT_THAT(page, Not(HasSubstr("</script>\\u001b")));
  EXPECT_THAT(page, HasSubstr("default-src 'none'"));
}

}  // namespace data_inspect_test
}  // namespace convoy
