// `convoy data manifest` and `verify` as a user runs them, and bad samples in a whole run.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "system/fixtures.hpp"
#include "system/process.hpp"

namespace convoy::testing {
namespace data_verify_test {

using ::testing::HasSubstr;

TEST(DataVerify, DamageIsNamedRepairedAndTheExitStatusTells) {
  const Workplace place;
  std::filesystem::create_directories(place.path() / "data/sub");
  place.write("data/a", "0123456789");
  place.write("data/sub/b", "0123456789");
  const auto data = [&](std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), "data");
    return run(arguments, place.path());
  };
  EXPECT_EQ(data({"verify", "data"}).status, 2) << "no manifest";
  EXPECT_EQ(data({"manifest", "data"}).status, 0);
  std::filesystem::copy(place.path() / "data", place.path() / "copy",
                        std::filesystem::copy_options::recursive);
  const Outcome good = data({"verify", "data", "data/a", "data/convoy-manifest.json"});
  EXPECT_EQ(good.status, 0);
  EXPECT_EQ(good.out,
            "data: 2 files, 20 bytes: all as the manifest says\n" + place.path().string() +
                "/data: 1 file, 10 bytes: all as the manifest says\n" + place.path().string() +
                "/data: 2 files, 20 bytes: all as the manifest says\n");

  place.write("data/a", "0123456x89");
  std::filesystem::remove(place.path() / "data/sub/b");
  const Outcome bad = data({"verify", "data"});
  EXPECT_EQ(bad.status, 2);
  EXPECT_EQ(bad.out,
            "data/a: changed in bytes 0 to 9 of 10\n"
            "data/sub/b: missing (10 bytes)\n"
            "data: 2 files, 20 bytes: 2 not as the manifest says\n");
  const auto report = nlohmann::json::parse(data({"verify", "data", "--json"}).out);
  EXPECT_EQ(report[0]["ok"], false);
  EXPECT_EQ(report[0]["problems"][0]["problem"], "changed");
  EXPECT_EQ(report[0]["problems"][0]["last_byte"], 9);
  EXPECT_EQ(data({"verify", "data", "--from", "copy"}).status, 2);
  EXPECT_EQ(data({"verify", "data", "--repair"}).status, 2) << "no good copy is known";

  const Outcome repaired = data({"verify", "data", "--repair", "--from", "copy"});
  EXPECT_EQ(repaired.status, 0);
  EXPECT_THAT(repaired.out, HasSubstr("data/sub/b: missing (10 bytes); copied from copy\n"));
  EXPECT_EQ(place.read("data/a"), "0123456789");
  EXPECT_EQ(data({"verify", "data"}).status, 0);
}

TEST(DataBadSamples, ARunSaysWhatItLeftOut) {
  const Workplace place;
  std::string table = place.read("table.csv");
  std::size_t line = 0;  // the third row loses its end
  for (int i = 0; i < 3; ++i) line = table.find('\n', line) + 1;
  table.erase(table.rfind(',', table.find('\n', line)), 1);
  place.write("table.csv", table);
  const std::vector<std::string> train = {"train", "table.yaml", "--quiet", "--out", "run"};
  EXPECT_EQ(run(train, place.path()).status, 2);
  std::vector<std::string> skip = train;
  skip.insert(skip.end(),
              {"--set", "data.on_bad_sample=skip", "--set", "data.max_bad_samples=0.1"});
  const Outcome outcome = run(skip, place.path());
  EXPECT_EQ(outcome.status, 0) << outcome.err;
  EXPECT_THAT(outcome.err, HasSubstr("1 of 60 samples left out: 2; the first: "));
  EXPECT_EQ(place.summary("run")["data"]["skipped_samples"], 1);
}

}  // namespace data_verify_test
}  // namespace convoy::testing
