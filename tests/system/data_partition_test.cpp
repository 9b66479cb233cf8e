// `convoy data partition` as a user runs it, and a run that is partitioned by value.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "system/fixtures.hpp"
#include "system/process.hpp"

namespace convoy::testing {
namespace data_partition_test {

using ::testing::HasSubstr;

TEST(DataPartition, ATableAReasonAndJson) {
  const Workplace place;
  const Outcome text = run({"data", "partition", "mlp.yaml", "--workers", "2", "--replicas", "2",
                            "--epoch", "1", "--explain", "--json", "p.json"},
                           place.path());
  EXPECT_EQ(text.status, 0) << text.err;
  EXPECT_THAT(text.out, HasSubstr("worker  replica   lane"));
  EXPECT_THAT(text.out, HasSubstr("what suits"));
  const auto json = nlohmann::json::parse(place.read("p.json"));
  EXPECT_EQ(json["workers"].size(), 2u);
  EXPECT_EQ(json["explain"]["contestants"].size(), 5u);
}

TEST(DataPartition, WrongInputEndsWithTwoAndOneLine) {
  const Workplace place;
  const Outcome missing =
      run({"data", "partition", "table.yaml", "--value", "nothing"}, place.path());
  EXPECT_EQ(missing.status, 2);
  EXPECT_THAT(missing.err, HasSubstr("has no column 'nothing'"));
  EXPECT_EQ(std::count(missing.err.begin(), missing.err.end(), '\n'), 1);
}

TEST(DataPartition, ByValueWorkersGetTheBitsOfOne) {
  const Workplace place;
  const auto digest = [&](const std::string& out, std::vector<std::string> before) {
    std::vector<std::string> arguments = std::move(before);
    for (const char* argument :
         {"train", "mlp.yaml", "--quiet", "--replicas", "1", "--set", "partition.by=value", "--set",
          "partition.assign=stratified", "--out"})
      arguments.emplace_back(argument);
    arguments.push_back(out);
    const Outcome outcome = run(arguments, place.path());
    EXPECT_EQ(outcome.status, 0) << outcome.err;
    return nlohmann::json::parse(place.read(out + "/summary.json"))["weights_sha256"]
        .get<std::string>();
  };
  EXPECT_EQ(digest("two", {"launch", "--workers", "2", "--"}), digest("one", {}));
}

}  // namespace data_partition_test
}  // namespace convoy::testing
