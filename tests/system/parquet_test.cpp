// Parquet files as a user has them, and what is said where they cannot be read.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "convoy/core/file.hpp"
#include "data/formats/columnar_module.hpp"
#include "paths.hpp"
#include "system/fixtures.hpp"
#include "system/process.hpp"

namespace convoy::testing {
namespace parquet_test {

using ::testing::HasSubstr;

constexpr const char* job = R"(
name: types
data:
  train: types.parquet
  target: y
  task: classification
  test_part: 0.2
  csv: {ignore: [s, cat]}
preprocess: [{impute: mean}, one_hot, standardise]
model: {kind: mlp, hidden: [8]}
train: {epochs: 2, batch: 20, lanes: 4, optimizer: {kind: sgd, rate: 0.1}}
)";

class ParquetFiles : public ::testing::Test {
 protected:
  void SetUp() override {
    if (*columnar_module_places == '\0') GTEST_SKIP() << "built without Arrow";
    for (const char* name : {"types_zstd.parquet", "truncated.parquet"}) {
      const std::string file = source_folder() + "/tests/data/parquet/" + name;
      place_.write(std::string(name) == "types_zstd.parquet" ? "types.parquet" : name,
                   read_text_file(file));
    }
    place_.write("job.yaml", job);
  }

  Workplace place_;
};

TEST_F(ParquetFiles, AreTrainedOnInspectedPreparedAndPartitioned) {
  const auto does = [&](std::vector<std::string> arguments, const char* says) {
    const Outcome outcome = run(std::move(arguments), place_.path());
    EXPECT_EQ(outcome.status, 0) << outcome.err;
    EXPECT_THAT(outcome.out, HasSubstr(says));
  };
  does({"data", "inspect", "types.parquet"}, "200 samples");
  does({"data", "partition", "job.yaml"}, "");
  does({"data", "prepare", "job.yaml", "--out", "records"}, "200 records");
  does({"train", "job.yaml", "--out", "of-file", "--quiet"}, "");
  does({"train", "job.yaml", "--out", "of-records", "--quiet", "--set", "data.train=records"}, "");
  EXPECT_EQ(place_.summary("of-file")["weights_sha256"],
            place_.summary("of-records")["weights_sha256"]);
  does({"predict", "of-file", "--input", "types.parquet"}, "200 predictions");
}

TEST_F(ParquetFiles, DamageEndsWithTwoAndOneLine) {
  const Outcome damaged = run({"data", "inspect", "truncated.parquet"}, place_.path());
  EXPECT_EQ(damaged.status, 2);
  EXPECT_THAT(damaged.err, HasSubstr("truncated.parquet: cannot be read: "));
  EXPECT_EQ(std::count(damaged.err.begin(), damaged.err.end(), '\n'), 1);
}

TEST_F(ParquetFiles, WithoutTheComponentALineSaysWhy) {
  const Outcome outcome =
      Process::of({program_path(), "data", "inspect", "types.parquet"}, place_.path(), "without",
                  {"CONVOY_ARROW_MODULE=/nowhere/arrow.so"})
          .wait();
  EXPECT_EQ(outcome.status, 2);
  EXPECT_THAT(outcome.err, HasSubstr("types.parquet is Parquet, which needs Arrow, and that cannot "
                                     "be loaded: there is no /nowhere/arrow.so"));
}

}  // namespace parquet_test
}  // namespace convoy::testing
