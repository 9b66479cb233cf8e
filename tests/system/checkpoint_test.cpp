// convoy checkpoint, and checkpoints that cannot be written.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <csignal>
#include <nlohmann/json.hpp>

#include "paths.hpp"
#include "system/fixtures.hpp"
#include "system/process.hpp"

namespace convoy::testing {
namespace checkpoint_test {

namespace fs = std::filesystem;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

// A run with a checkpoint every 5 steps, all of them kept.
class CheckpointCommand : public ::testing::Test {
 protected:
  void train(const std::string& out, const std::vector<std::string>& more = {}) {
    std::vector<std::string> words = {
        "train", "mlp.yaml", "--out", out, "--quiet", "--set", "train.checkpoint.keep_every=5"};
    words.insert(words.end(), more.begin(), more.end());
    const Outcome outcome = run(words, place_.path());
    ASSERT_EQ(outcome.status, 0) << outcome.err;
  }
  Outcome checkpoint(std::vector<std::string> words) {
    words.insert(words.begin(), "checkpoint");
    return run(words, place_.path());
  }
  // What it says of wrong input.
  std::string complaint(const std::vector<std::string>& words) {
    const Outcome outcome = checkpoint(words);
    EXPECT_EQ(outcome.status, 2) << outcome.out << outcome.err;
    EXPECT_EQ(std::count(outcome.err.begin(), outcome.err.end(), '\n'), 1) << outcome.err;
    return outcome.err;
  }
  std::string metrics_of(const std::string& model) {
    const Outcome outcome = run({"evaluate", model, "--json"}, place_.path());
    EXPECT_EQ(outcome.status, 0) << outcome.err;
    return outcome.out;
  }
  std::string file_of(int step) const {
    return fmt::format("run/checkpoints/step-{:010}.checkpoint", step);
  }

  Workplace place_;
};

TEST_F(CheckpointCommand, ListsNewestFirst) {
  train("run", {"--set", "train.steps=22"});
  const Outcome json = checkpoint({"list", "run", "--json"});
  ASSERT_EQ(json.status, 0) << json.err;
  std::vector<int> steps;
  int best = 0;
  for (const auto& entry : nlohmann::json::parse(json.out)) {
    steps.push_back(entry["step"]);
    best += entry["best"] ? 1 : 0;
    EXPECT_EQ(entry["bytes"], fs::file_size(place_.path() / entry["path"].get<std::string>()));
  }
  EXPECT_THAT(steps, ElementsAre(22, 20, 15, 10, 5));
  EXPECT_EQ(best, 1);
  const Outcome text = checkpoint({"list", "run/checkpoints"});
  EXPECT_THAT(text.out, AllOf(HasSubstr("written"), HasSubstr("KiB"), HasSubstr("test accuracy"),
                              HasSubstr("best")));
}

TEST_F(CheckpointCommand, VerifyNamesTheDamage) {
  train("run", {"--set", "train.steps=22"});
  Outcome outcome = checkpoint({"verify", "run"});
  EXPECT_EQ(outcome.status, 0) << outcome.out;
  EXPECT_EQ(std::count(outcome.out.begin(), outcome.out.end(), '\n'), 5) << outcome.out;
  std::string bytes = place_.read(file_of(10));
  bytes.back() = static_cast<char>(bytes.back() ^ 4);
  place_.write(file_of(10), bytes);
  outcome = checkpoint({"verify", "run"});
  EXPECT_EQ(outcome.status, 2);
  EXPECT_EQ(std::count(outcome.out.begin(), outcome.out.end(), '\n'), 5) << outcome.out;
  EXPECT_THAT(outcome.out,
              AllOf(HasSubstr(file_of(10) + ", byte "), HasSubstr("the checksum of optimizer0/"),
                    HasSubstr(file_of(15) + ": whole")));
  EXPECT_EQ(checkpoint({"verify", file_of(15)}).status, 0);
  EXPECT_EQ(checkpoint({"verify", file_of(10)}).status, 2);
  EXPECT_EQ(checkpoint({"export", file_of(10), "--out", "x.pt"}).status, 2);
  EXPECT_FALSE(fs::exists(place_.path() / "x.pt"));
}

TEST_F(CheckpointCommand, VerifyLooksAtShards) {
  const Outcome launched = run({"launch", "--workers", "2", "--", "train", "mlp.yaml", "--out",
                                "run", "--quiet", "--set", "train.steps=5"},
                               place_.path());
  ASSERT_EQ(launched.status, 0) << launched.err;
  EXPECT_EQ(checkpoint({"verify", "run"}).status, 0);
  const std::string shard = "run/checkpoints/step-0000000005.shard-1-of-2";
  if (!fs::exists(place_.path() / shard)) GTEST_SKIP() << "this job has no shards";
  std::string bytes = place_.read(shard);
  bytes.back() = static_cast<char>(bytes.back() ^ 1);
  place_.write(shard, bytes);
  Outcome outcome = checkpoint({"verify", "run"});
  EXPECT_EQ(outcome.status, 2);
  EXPECT_THAT(outcome.out, HasSubstr(shard + ", byte "));
  fs::remove(place_.path() / shard);
  outcome = checkpoint({"verify", "run"});
  EXPECT_EQ(outcome.status, 2);
  EXPECT_THAT(outcome.out, HasSubstr(shard + ": this part of the checkpoint is missing"));
  EXPECT_EQ(checkpoint({"export", "run", "--step", "5", "--out", "model.pt"}).status, 0);
}

TEST_F(CheckpointCommand, ExportsWhatTheRunWouldHaveLeft) {
  train("run");
  ASSERT_EQ(checkpoint({"export", "run", "--out", "last.pt"}).status, 0);
  EXPECT_EQ(place_.read("last.pt"), place_.read("run/model.pt"));
  train("short", {"--set", "train.steps=10"});
  for (const std::vector<std::string>& which :
       std::vector<std::vector<std::string>>{{"run", "--step", "10"}, {file_of(10)}}) {
    std::vector<std::string> words = {"export", "--out", "ten.pt"};
    words.insert(words.end(), which.begin(), which.end());
    // The data is not needed.
    fs::rename(place_.path() / "train-images", place_.path() / "away");
    const Outcome outcome = checkpoint(words);
    fs::rename(place_.path() / "away", place_.path() / "train-images");
    ASSERT_EQ(outcome.status, 0) << outcome.err;
    EXPECT_THAT(outcome.out,
                HasSubstr(place_.summary("short")["weights_sha256"].get<std::string>()));
    EXPECT_EQ(metrics_of("ten.pt"), metrics_of("short/model.pt"));
  }
  EXPECT_EQ(checkpoint({"export", "run", "--best", "--out", "best.pt"}).status, 0);
}

TEST_F(CheckpointCommand, ExportsTables) {
  ASSERT_EQ(run({"train", "table.yaml", "--out", "table", "--quiet"}, place_.path()).status, 0);
  ASSERT_EQ(checkpoint({"export", "table", "--out", "table.pt"}).status, 0);
  EXPECT_EQ(place_.read("table.pt"), place_.read("table/model.pt"));
}

TEST_F(CheckpointCommand, SaysWhatIsWrong) {
  train("run", {"--set", "train.steps=10"});
  EXPECT_THAT(complaint({"list", "nowhere"}), HasSubstr("nowhere: there is no such folder"));
  EXPECT_THAT(complaint({"verify", "nowhere"}), HasSubstr("there is no such file or folder"));
  fs::create_directories(place_.path() / "empty");
  EXPECT_THAT(complaint({"list", "empty"}), HasSubstr("empty: holds no checkpoints"));
  fs::create_directories(place_.path() / "new/checkpoints");
  EXPECT_THAT(complaint({"verify", "new"}), HasSubstr("no checkpoint has been written yet"));
  EXPECT_THAT(complaint({"list", file_of(5)}), HasSubstr("is a file; give the folder of a run"));
  EXPECT_THAT(complaint({"verify", "mlp.yaml"}), HasSubstr("is no checkpoint"));
  EXPECT_THAT(complaint({"export", "run", "--out", "x.pt", "--step", "7"}),
              AllOf(HasSubstr("no checkpoint of step 7"), HasSubstr("there are: 10, 5")));
  EXPECT_THAT(complaint({"export", file_of(5), "--out", "x.pt", "--best"}),
              HasSubstr("is one checkpoint"));
  EXPECT_THAT(complaint({"export", "run", "--out", "empty"}), HasSubstr("empty is a folder"));
}

Outcome train_with(const std::string& faults, const Workplace& place, const std::string& out) {
  return Process::of({convoy::testing::program_path(), "train", "mlp.yaml", "--out", out, "--quiet",
                      "--set", "train.checkpoint.keep_every=5"},
                     place.path(), out, {"CONVOY_FAULTS=" + faults})
      .wait();
}

TEST(CheckpointFault, OneThatFailsIsLoggedAndTheRunGoesOn) {
  const Workplace place;
  ASSERT_EQ(run({"train", "mlp.yaml", "--out", "whole", "--quiet"}, place.path()).status, 0);
  const Outcome outcome = train_with("write:enospc,path=step-0000000010", place, "run");
  EXPECT_EQ(outcome.status, 0) << outcome.err;
  EXPECT_EQ(std::count(outcome.err.begin(), outcome.err.end(), '\n'), 1) << outcome.err;
  EXPECT_THAT(outcome.err, AllOf(HasSubstr("convoy: step 10: no checkpoint: "),
                                 HasSubstr("No space left on device; training goes on")));
  EXPECT_THAT(place.read("run/metrics.jsonl"), HasSubstr("checkpoint_failed"));
  EXPECT_EQ(place.summary("run")["weights_sha256"], place.summary("whole")["weights_sha256"]);
}

TEST(CheckpointFault, TheLastOneFailingIsAnError) {
  const Workplace place;
  const Outcome outcome = train_with("rename:eio,path=step-0000000056", place, "run");
  EXPECT_EQ(outcome.status, 1) << outcome.err;
  EXPECT_THAT(outcome.err, AllOf(HasSubstr("step-0000000056.checkpoint: cannot rename into place"),
                                 Not(HasSubstr("goes on"))));
  EXPECT_FALSE(std::filesystem::exists(place.path() / "run/model.pt"));
  const Outcome resumed =
      run({"train", "mlp.yaml", "--out", "run", "--quiet", "--resume"}, place.path());
  EXPECT_EQ(resumed.status, 0) << resumed.err;
}

TEST(CheckpointFault, AfterACrashInTheMiddleOfAWriteTheRunGoesOn) {
  const Workplace place;
  ASSERT_EQ(run({"train", "mlp.yaml", "--out", "whole", "--quiet"}, place.path()).status, 0);
  EXPECT_EQ(train_with("crash:write,path=step-0000000015,after=2", place, "run").status,
            128 + SIGKILL);
  const Outcome resumed =
      run({"train", "mlp.yaml", "--out", "run", "--quiet", "--resume"}, place.path());
  EXPECT_EQ(resumed.status, 0) << resumed.err;
  EXPECT_EQ(place.summary("run")["weights_sha256"], place.summary("whole")["weights_sha256"]);
  for (const auto& entry : fs::directory_iterator(place.path() / "run/checkpoints"))
    EXPECT_EQ(entry.path().string().find(".tmp-"), std::string::npos) << entry.path();
}

}  // namespace checkpoint_test
}  // namespace convoy::testing
