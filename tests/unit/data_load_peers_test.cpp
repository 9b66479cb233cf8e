// Loading data with several workers: the same bits as with one, and errors that reach everyone.
#include <ATen/Functions.h>
#include <fmt/format.h>
#include <gmock/gmock.h>

#include <cmath>
#include <limits>
#include <random>

#include "convoy/data/formats/formats.hpp"
#include "convoy/data/load.hpp"
#include "convoy/data/preprocess/column_counts.hpp"
#include "core/machine.hpp"
#include "data/peers/agree.hpp"
#include "data/preprocess/quantiles.hpp"
#include "data_peers.hpp"
#include "data_support.hpp"
#include "step_support.hpp"

namespace convoy {
namespace data_load_peers_test {

using test::error_of;
using test::idx_u8;
using test::run_workers;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::StartsWith;

const std::vector<int> group_sizes = {1, 2, 3, 4, 8, 11};

PreprocessStep step(const std::string& kind, const std::string& per = "feature") {
  return test::step_per(kind, per);
}

PreprocessStep impute(const std::string& with, const std::vector<std::string>& columns = {}) {
  return test::impute_with(with, columns);
}

class DataLoadPeers : public ::testing::Test {
 protected:
  void write_array(const std::string& name, std::vector<std::int64_t> shape,
                   const std::vector<float>& values) const {
    Array array;
    array.shape = std::move(shape);
    array.bytes = std::as_bytes(std::span(values));
    directory_.write(name, format_npy(array));
  }
  /// Numbers whose sum depends on the order of adding.
  void write_floats(std::int64_t rows) {
    std::mt19937 random(7);
    std::vector<float> values;
    std::string labels;
    for (std::int64_t i = 0; i < rows * 2 * 3 * 2; ++i) {
      const double unit = static_cast<double>(random()) / 4294967296.0;
      values.push_back(static_cast<float>(std::exp(20 * unit - 10) * (random() % 2 ? 1 : -1)));
    }
    for (std::int64_t i = 0; i < rows; ++i) labels += static_cast<char>(i % 3);
    write_array("x.npy", {rows, 2, 3, 2}, values);
    directory_.write("labels", idx_u8({static_cast<std::uint32_t>(rows)}, labels));
    data_.train = {"", "x.npy", "labels"};
  }
  void write_images(std::uint32_t rows) {
    std::mt19937 random(9);
    std::string pixels;
    std::string labels;
    for (std::uint32_t i = 0; i < rows * 30; ++i) pixels += static_cast<char>(random() & 0xff);
    for (std::uint32_t i = 0; i < rows; ++i) labels += static_cast<char>(i % 2);
    directory_.write("images", idx_u8({rows, 5, 6}, pixels));
    directory_.write("labels", idx_u8({rows}, labels));
    data_.train = {"", "images", "labels"};
  }
  /// Numbers, some missing and some repeated, -0 among them, and two columns of text.
  void write_table(int rows) {
    std::mt19937 random(11);
    std::string csv = "a,b,color,city,y\n";
    for (int i = 0; i < rows; ++i) {
      const auto unit = static_cast<double>(random()) / 4294967296.0;
      csv += random() % 5 ? fmt::format("{}", std::exp(30 * unit - 15)) : "";
      csv += fmt::format(",{}", random() % 4   ? std::to_string(static_cast<int>(random() % 7) - 3)
                                : random() % 2 ? "-0.0"
                                               : "0.0");
      csv += fmt::format(",{}", random() % 6 ? fmt::format("c{}", random() % 9) : "");
      csv += fmt::format(",{},{}\n", i == rows - 1 ? "Ulm" : "Bonn", i % 4 + 0.5);
    }
    directory_.write("train.csv", csv);
    data_.train = {};
    data_.train.file = "train.csv";
    data_.target = {"y"};
  }

  Splits load(const std::vector<PreprocessStep>& steps, Peers* peers) const {
    return load_splits({data_, steps, 3, directory_.path()}, peers);
  }

  /// Any number of workers fits what one process fits, byte for byte, in the same exchanges.
  void expect_same_bits(const std::vector<PreprocessStep>& steps) const {
    const Splits alone = load(steps, nullptr);
    const std::string expected = alone.fitted.dump();
    const std::vector<std::int64_t> samples = {0, alone.train->size() - 1};
    int exchanges = 0;
    for (const int size : group_sizes) {
      const int count = run_workers(size, [&](Peers& peers) {
        try {
          const Splits splits = load(steps, &peers);
          EXPECT_EQ(splits.fitted.dump(), expected) << size;
          EXPECT_EQ(splits.train->size(), alone.train->size());
          EXPECT_TRUE(
              splits.train->read(samples).features.equal(alone.train->read(samples).features));
        } catch (const std::exception& error) {
          ADD_FAILURE() << error.what();
        }
      });
      if (exchanges == 0) exchanges = count;
      EXPECT_EQ(count, exchanges) << size;
    }
  }

  /// What each worker says.
  std::vector<std::string> errors(int size, const std::function<void(Peers&)>& work) const {
    std::vector<std::string> messages(static_cast<std::size_t>(size));
    run_workers(size, [&](Peers& peers) {
      messages[static_cast<std::size_t>(peers.rank())] = error_of([&] { work(peers); });
    });
    return messages;
  }
  /// What every worker says, as one process without peers does.
  std::string same_error(const std::vector<PreprocessStep>& steps) const {
    const std::string alone = error_of([&] { load(steps, nullptr); });
    EXPECT_NE(alone, "no error");
    for (const std::string& message : errors(3, [&](Peers& peers) { load(steps, &peers); }))
      EXPECT_EQ(message, alone);
    return alone;
  }

  test::Directory directory_;
  DataOptions data_;
};

TEST_F(DataLoadPeers, ArraysGiveTheSameBitsForAnyNumberOfWorkers) {
  write_floats(1000);
  data_.test_part = 0.1;
  data_.validation = 0.05;
  expect_same_bits({step("standardise")});
  expect_same_bits({step("standardise", "all"), step("min_max", "channel")});
  expect_same_bits({step("min_max"), step("standardise", "channel"), step("clip")});
  expect_same_bits({});
}

TEST_F(DataLoadPeers, BytesGiveTheSameBitsForAnyNumberOfWorkers) {
  write_images(700);
  data_.limit = 555;
  PreprocessStep scale = step("scale");
  test::set(scale, "by", 255);
  expect_same_bits({scale, step("standardise")});
  expect_same_bits({step("standardise", "all")});
}

TEST_F(DataLoadPeers, FewerRowsThanWorkersAreEnough) {
  for (const std::uint32_t rows : {1, 2, 5, 257}) {
    write_images(rows);
    expect_same_bits({step("standardise")});
  }
}

TEST_F(DataLoadPeers, TablesGiveTheSameBitsForAnyNumberOfWorkers) {
  write_table(777);
  data_.test_part = 0.1;
  const std::vector<PreprocessStep> texts = {impute("mode", {"color"}), step("one_hot")};
  for (const char* with : {"mean", "median", "mode"}) {
    std::vector<PreprocessStep> steps = {impute(with, {"a", "b"}), step("standardise")};
    steps.insert(steps.end(), texts.begin(), texts.end());
    expect_same_bits(steps);
  }
  expect_same_bits({impute("mode"), step("one_hot"), step("min_max"), step("standardise", "all")});
  expect_same_bits({step("drop_missing"), step("one_hot"), step("standardise")});
  write_table(3);
  data_.test_part = 0;
  expect_same_bits(
      {impute("median", {"a", "b"}), impute("mode"), step("one_hot"), step("standardise")});
}

TEST_F(DataLoadPeers, CountedStepsGiveTheSameBitsForAnyNumberOfWorkers) {
  write_floats(300);
  PreprocessStep normal = step("quantile");
  test::set(normal, "output", std::string("normal"));
  test::set(normal, "quantiles", 77);
  expect_same_bits({step("robust"), step("yeo_johnson", "channel")});
  expect_same_bits({normal, step("standardise")});
  expect_same_bits({step("quantile", "all"), step("log"), step("robust", "all")});
  PreprocessStep positive = step("min_max");
  test::set(positive, "low", 0.1);
  expect_same_bits({positive, step("box_cox")});
  PreprocessStep coarse = step("robust");
  test::set(coarse, "error", 0.01);
  expect_same_bits({coarse});
  write_images(100);
  expect_same_bits({step("log"), step("yeo_johnson", "all")});
}

TEST_F(DataLoadPeers, StepsOfTablesGiveTheSameBitsForAnyNumberOfWorkers) {
  write_table(333);
  data_.test_part = 0.1;
  const PreprocessStep fill = impute("median", {"a", "b"});
  PreprocessStep hashing = step("hashing");
  test::set(hashing, "width", 5);
  test::set(hashing, "columns", std::vector<std::string>{"city"});
  for (const char* method : {"iqr", "z"}) {
    for (const char* action : {"clip", "missing", "drop"}) {
      PreprocessStep outliers = step("outliers");
      test::set(outliers, "method", method);
      test::set(outliers, "action", action);
      expect_same_bits({outliers, impute("mean", {"a", "b"}), hashing, step("frequency"),
                        impute("median", {"color"})});
    }
  }
  PreprocessStep duplicates = step("drop_duplicates");
  test::set(duplicates, "columns", std::vector<std::string>{"b", "color", "y"});
  PreprocessStep text = step("to_text");
  test::set(text, "columns", std::vector<std::string>{"b"});
  expect_same_bits({duplicates, fill, text, impute("mode"), step("clean_text"), step("ordinal"),
                    step("robust"), step("quantile")});
  PreprocessStep pca = step("pca");
  test::set(pca, "components", 2);
  expect_same_bits({step("yeo_johnson"), impute("mean", {"a", "b"}), impute("mode"),
                    step("one_hot"), pca, step("standardise")});
}

TEST(NumberCounter, CountsWithinItsErrorAndInBoundedMemory) {
  std::mt19937_64 random(3);
  std::vector<double> numbers = {0,     -0.0, 1, -1, 1e300, -std::numeric_limits<double>::max(),
                                 1e-300};
  for (int i = 0; i < 200'000; ++i) {
    const double unit = static_cast<double>(random()) / 18446744073709551616.0;
    numbers.push_back(std::exp(10 * unit) * (i % 3 == 0 ? -1 : 1));
  }
  NumberCounter exact(1);
  exact.add(0, numbers);
  const std::vector<NumberCount> all = exact.take(0);
  const std::vector<double> parts = even_parts(1001);
  const std::vector<double> expected = quantiles_at(all, parts);
  for (const double error : {0.1, 0.01, 0.001, 1e-6}) {
    NumberCounter counter(1, error);
    counter.add(0, std::span(numbers).first(1000));
    counter.add(0, std::span(numbers).subspan(1000));
    const std::vector<NumberCount> counts = counter.take(0);
    const std::vector<double> found = quantiles_at(counts, parts);
    for (std::size_t i = 0; i < parts.size(); ++i)
      EXPECT_LE(std::abs(found[i] - expected[i]), error * std::abs(expected[i])) << parts[i];
    EXPECT_NEAR(median(counts), median(all), error * std::abs(median(all)));
    std::int64_t times = 0;
    for (const NumberCount& entry : counts) times += entry.times;
    EXPECT_EQ(times, static_cast<std::int64_t>(numbers.size()));
    // 15 powers of two of either sign.
    if (error == 0.001) {
      EXPECT_LT(counts.size(), 2 * 15 * 512 + numbers.size() / 1000);
    }
  }
}

TEST_F(DataLoadPeers, SumsAreAsAccurateAsTwoPassesInLongDoubles) {
  write_floats(1000);
  const Array array = read_npy(directory_.path() / "x.npy");
  const auto* values = reinterpret_cast<const float*>(array.bytes.data());
  const std::size_t count = array.bytes.size() / sizeof(float);
  long double sum = 0;
  long double squares = 0;
  for (std::size_t i = 0; i < count; ++i) sum += static_cast<long double>(values[i]);
  const long double mean = sum / static_cast<long double>(count);
  for (std::size_t i = 0; i < count; ++i)
    squares +=
        (static_cast<long double>(values[i]) - mean) * (static_cast<long double>(values[i]) - mean);
  const auto fitted = load({step("standardise", "all")}, nullptr).fitted["steps"][0];
  EXPECT_NEAR(fitted["subtract"][0].get<double>(), static_cast<double>(mean), 1e-10);
  const auto deviation = static_cast<double>(std::sqrt(squares / static_cast<long double>(count)));
  EXPECT_NEAR(fitted["divide"][0].get<double>() / deviation, 1, 1e-14);
}

TEST_F(DataLoadPeers, AFileThatOneWorkerLacksStopsAll) {
  write_images(20);
  const test::Directory empty;
  const std::vector<std::string> messages = errors(4, [&](Peers& peers) {
    load_splits(
        {data_, {step("standardise")}, 3, peers.rank() == 2 ? empty.path() : directory_.path()},
        &peers);
  });
  const std::string own = empty.path().string() + "/labels: cannot open: No such file or directory";
  EXPECT_EQ(messages[2], own);
  for (const std::size_t rank : {0, 1, 3})
    EXPECT_EQ(messages[rank], worker_name(2, host_name()) + ": " + own);
}

TEST_F(DataLoadPeers, AnErrorOfSeveralNamesThemAll) {
  write_images(20);
  const std::vector<std::string> messages = errors(4, [&](Peers& peers) {
    load_splits({data_, {}, 3, peers.rank() % 2 ? "/nowhere" : directory_.path()}, &peers);
  });
  EXPECT_THAT(messages[0], AllOf(StartsWith(worker_name(1, host_name()) + ": /nowhere/labels:"),
                                 HasSubstr("(failed too: " + worker_name(3, host_name()) + ")")));
  EXPECT_EQ(messages[2], messages[0]);
  EXPECT_THAT(messages[3], StartsWith("/nowhere/labels: cannot open"));
}

TEST_F(DataLoadPeers, OtherDataOnOneWorkerStopsAll) {
  write_images(20);
  const std::string images = "images";
  const test::Directory other;
  const auto difference = [&] {
    const std::vector<std::string> messages = errors(3, [&](Peers& peers) {
      load_splits(
          {data_, {step("standardise")}, 3, peers.rank() == 1 ? other.path() : directory_.path()},
          &peers);
    });
    EXPECT_EQ(messages[0], messages[1]);
    EXPECT_EQ(messages[0], messages[2]);
    EXPECT_THAT(messages[0], StartsWith(worker_name(1, host_name()) + " has other data than " +
                                        worker_name(0, host_name()) + ": "));
    return messages[0];
  };
  std::string pixels(600, 'x');
  std::string labels(20, '\1');
  labels[0] = 0;
  other.write("images", idx_u8({20, 5, 6}, pixels));
  other.write("labels", idx_u8({20}, labels));
  EXPECT_THAT(difference(), HasSubstr("train: checksum of the features: "));
  other.write("images", idx_u8({19, 5, 6}, pixels.substr(30)));
  other.write("labels", idx_u8({19}, labels.substr(0, 19)));
  EXPECT_THAT(difference(), HasSubstr("train: samples: 19 where worker 0 has 20"));
  other.write("images", idx_u8({20, 30}, pixels));
  other.write("labels", idx_u8({20}, labels));
  EXPECT_THAT(difference(),
              HasSubstr("train: a sample of the array: 30 uint8 where worker 0 has 5x6 uint8"));
}

TEST_F(DataLoadPeers, ALargeArrayIsComparedByASample) {
  const auto errors_with = [this](std::size_t changed) {
    std::vector<float> values(1'000'000, 1.0f);
    std::string labels(1000, '\1');
    labels[0] = 0;
    const test::Directory other;
    for (const auto* directory :
         std::initializer_list<const test::Directory*>{&directory_, &other}) {
      directory->write("labels", idx_u8({1000}, labels));
      Array array;
      array.shape = {1000, 1000};
      array.bytes = std::as_bytes(std::span(values));
      directory->write("x.npy", format_npy(array));
      values[changed] = 2;
    }
    data_.train = {"", "x.npy", "labels"};
    return errors(2, [&](Peers& peers) {
      load_splits({data_, {}, 3, (peers.rank() ? other : directory_).path()}, &peers);
    })[0];
  };
  EXPECT_THAT(errors_with(0), HasSubstr("checksum of the features"));
  EXPECT_THAT(errors_with(167'514), HasSubstr("checksum of the features"));  // in a page read
  EXPECT_THAT(errors_with(999'999), HasSubstr("checksum of the features"));
  EXPECT_EQ(errors_with(170'000), "no error");  // between two pages that are
}

TEST_F(DataLoadPeers, TablesAreComparedInFull) {
  write_table(300);
  const test::Directory other;
  std::ifstream in(directory_.path() / "train.csv");
  const std::string csv((std::istreambuf_iterator<char>(in)), {});
  const auto difference = [&](const std::string& text) {
    other.write("train.csv", text);
    return errors(2, [&](Peers& peers) {
      load_splits({data_,
                   {step("drop_missing"), step("one_hot")},
                   3,
                   (peers.rank() ? other : directory_).path()},
                  &peers);
    })[0];
  };
  EXPECT_EQ(difference(csv), "no error");
  std::string changed = csv;
  changed.replace(changed.find("c5"), 2, "c6");
  EXPECT_THAT(difference(changed), HasSubstr("train: checksum of the features"));
  EXPECT_THAT(difference("a,b,color,town" + csv.substr(csv.find(",y"))),
              HasSubstr("train: columns: a, b, color (text), town (text) where worker 0 has a, b, "
                        "color (text), city (text)"));
}

TEST_F(DataLoadPeers, OtherSettingsOnOneWorkerStopAll) {
  write_images(50);
  const auto loads = [&](int seed, std::vector<PreprocessStep> steps) {
    DataOptions data = data_;
    data.validation = 0.2;
    return errors(2, [&](Peers& peers) {
      load_splits({data, peers.rank() ? steps : std::vector{step("standardise")},
                   static_cast<std::uint64_t>(peers.rank() ? seed : 1), directory_.path()},
                  &peers);
    })[0];
  };
  EXPECT_EQ(loads(1, {step("standardise")}), "no error");
  EXPECT_THAT(loads(2, {step("standardise")}), HasSubstr("checksum of which sample is in which"));
  EXPECT_THAT(loads(1, {step("min_max")}),
              HasSubstr("preprocess[0]: min_max {\"low\":0.0,\"high\":1.0,"));
  EXPECT_THAT(loads(1, {}), HasSubstr("its job names other files or steps"));
}

TEST_F(DataLoadPeers, DecisionsAreTheSameEverywhere) {
  write_table(40);
  same_error({step("one_hot")});                         // missing values
  same_error({step("scale", "feature"), step("none")});  // no such step
  same_error({step("pca")});                             // missing values
  same_error({step("box_cox")});                         // not positive
  same_error({step("to_number")});                       // no numbers
  same_error({impute("sum")});
  directory_.write("train.csv", "a,b,color,city,y\n1,,,x,1.5\n2,,,x,2.5\n3,,,x,3.5\n");
  for (const char* with : {"mean", "median", "mode"}) {
    EXPECT_THAT(same_error({impute(with, {"b"})}),
                HasSubstr("column 'b' has no value in the training split"));
  }
  for (const char* kind : {"standardise", "robust", "quantile", "yeo_johnson", "outliers"})
    EXPECT_THAT(same_error({step(kind)}), HasSubstr("column 'b' has no value"));
  EXPECT_THAT(same_error({step("drop_missing")}), HasSubstr("no row of the training split"));
  write_images(10);
  same_error({impute("mean")});
}

TEST_F(DataLoadPeers, WorkersShareTheSearchForValuesThatAreNotFinite) {
  std::vector<float> values(200, 1.0f);
  values[151] = std::numeric_limits<float>::infinity();
  write_array("x.npy", {100, 2}, values);
  directory_.write("labels", idx_u8({100}, std::string(99, '\1') + std::string(1, '\0')));
  data_.train = {"", "x.npy", "labels"};
  const std::vector<std::string> messages = errors(4, [&](Peers& peers) { load({}, &peers); });
  EXPECT_THAT(messages[3], HasSubstr("x.npy, sample 75: element 1 is inf"));
  for (const std::size_t rank : {0, 1, 2})
    EXPECT_EQ(messages[rank], worker_name(3, host_name()) + ": " + messages[3]);
}

}  // namespace data_load_peers_test
}  // namespace convoy
