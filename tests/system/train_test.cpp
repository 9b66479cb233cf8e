// Whole runs of the program: the same bits for any replicas, kills, Ctrl-C.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>

#include <chrono>
#include <random>

#include "system/fixtures.hpp"
#include "system/process.hpp"

namespace convoy::testing {
namespace train_test {

using std::chrono::milliseconds;
using ::testing::HasSubstr;

std::string sha_of(const Workplace& place, const std::string& job, const std::string& out,
                   std::vector<std::string> more = {}) {
  std::vector<std::string> words = {"train", job, "--out", out, "--quiet"};
  words.insert(words.end(), more.begin(), more.end());
  const Outcome outcome = run(words, place.path());
  EXPECT_EQ(outcome.status, 0) << outcome.err;
  return outcome.status == 0 ? place.summary(out)["weights_sha256"].get<std::string>() : "failed";
}

TEST(TrainCommand, WritesTheRunFolder) {
  const Workplace place;
  sha_of(place, "mlp.yaml", "run");
  for (const char* file :
       {"metrics.jsonl", "summary.json", "model.pt", "report.html", "job.yaml"}) {
    EXPECT_TRUE(std::filesystem::exists(place.path() / "run" / file)) << file;
  }
  EXPECT_GT(place.summary("run")["final"]["test_accuracy"].get<double>(), 0.9);
  EXPECT_THAT(place.read("run/report.html"), HasSubstr("<html"));
}

TEST(TrainCommand, SameBitsForAnyReplicas) {
  const Workplace place;
  for (const char* job : {"mlp.yaml", "cnn.yaml", "table.yaml"}) {
    const std::string expected = sha_of(place, job, std::string(job) + "-1", {"--replicas", "1"});
    for (const char* replicas : {"2", "3", "8"}) {
      EXPECT_EQ(sha_of(place, job, std::string(job) + "-" + replicas, {"--replicas", replicas}),
                expected)
          << job;
    }
  }
}

TEST(TrainCommand, KilledAtAnyMomentAndResumedEndsWithTheSameBits) {
  const Workplace place;
  const std::vector<std::string> longer = {"--set", "train.epochs=40"};
  const auto began = std::chrono::steady_clock::now();
  const std::string expected = sha_of(place, "cnn.yaml", "whole", longer);
  const auto whole =
      std::chrono::duration_cast<milliseconds>(std::chrono::steady_clock::now() - began);
  std::mt19937 random(7);
  for (int round = 0; round < 3; ++round) {
    const std::string out = "killed-" + std::to_string(round);
    int kills = 0;
    for (int start = 0; start < 60; ++start) {
      const std::string replicas = std::to_string(1 + start % 3);
      Process process({"train", "cnn.yaml", "--out", out, "--resume", "--quiet", "--replicas",
                       replicas, "--set", "train.epochs=40"},
                      place.path());
      // Each may take longer than the one before, so that it ends. How fast a run is changes with
      // what else the machine does, so the first is killed by what it has done, not by the time.
      const double part = 0.05 + (0.5 + 0.1 * start) * static_cast<double>(random() % 1000) / 1000;
      bool ended = false;
      while (start == 0 && !ended &&
             !std::filesystem::exists(place.path() / out / "metrics.jsonl")) {
        ended = process.wait_for(milliseconds(5));
      }
      const auto more =
          start == 0 ? milliseconds(random() % 100) : duration_cast<milliseconds>(part * whole);
      if (ended || process.wait_for(more)) {
        ASSERT_EQ(process.wait().status, 0) << process.err();
        break;
      }
      process.kill(SIGKILL);
      ++kills;
    }
    EXPECT_GT(kills, 0);
    EXPECT_EQ(place.summary(out)["weights_sha256"], expected) << kills << " kills";
  }
}

TEST(TrainCommand, CtrlCWritesACheckpointAndSaysHowToGoOn) {
  const Workplace place;
  const std::string expected = sha_of(place, "mlp.yaml", "whole", {"--set", "train.epochs=300"});
  Process process({"train", "mlp.yaml", "--out", "run", "--set", "train.epochs=300"}, place.path());
  while (!std::filesystem::exists(place.path() / "run" / "checkpoints") &&
         !process.wait_for(milliseconds(5))) {
  }
  process.kill(SIGINT);
  const Outcome stopped = process.wait();
  EXPECT_EQ(stopped.status, 130) << stopped.err;
  EXPECT_THAT(stopped.err, HasSubstr("go on with: convoy train mlp.yaml --out run --resume"));
  EXPECT_EQ(sha_of(place, "mlp.yaml", "run", {"--resume", "--set", "train.epochs=300"}), expected);
}

TEST(TrainCommand, DoesNotTouchARunThatIsThere) {
  const Workplace place;
  sha_of(place, "mlp.yaml", "run");
  const Outcome again = run({"train", "mlp.yaml", "--out", "run"}, place.path());
  EXPECT_EQ(again.status, 2);
  EXPECT_THAT(again.err, HasSubstr("--resume"));
  EXPECT_EQ(run({"train", "mlp.yaml", "--out", "run", "--overwrite"}, place.path()).status, 0);
}

TEST(TrainCommand, PrintsTheJobWithEveryDefault) {
  const Workplace place;
  const Outcome printed =
      run({"train", "mlp.yaml", "--print-job", "--set", "train.batch=60"}, place.path());
  ASSERT_EQ(printed.status, 0) << printed.err;
  for (const char* text : {"batch: 60", "weight_decay: 0", "on_nonfinite: stop", "keep: 3"}) {
    EXPECT_THAT(printed.out, HasSubstr(text));
  }
  place.write("printed.yaml", printed.out);
  EXPECT_EQ(run({"train", "printed.yaml", "--print-job"}, place.path()).out, printed.out);
}

TEST(PredictCommand, SameFileForAnyReplicasInSampleOrder) {
  const Workplace place;
  sha_of(place, "cnn.yaml", "run");
  std::string expected;
  for (const char* replicas : {"1", "2", "5"}) {
    const Outcome outcome =
        run({"predict", "run", "--output", "p.csv", "--replicas", replicas}, place.path());
    ASSERT_EQ(outcome.status, 0) << outcome.err;
    const std::string csv = place.read("p.csv");
    if (expected.empty()) expected = csv;
    EXPECT_EQ(csv, expected) << replicas;
  }
  EXPECT_EQ(expected.substr(0, expected.find('\n')), "sample,target,predicted,p_0,p_1,p_2,p_3");
  EXPECT_EQ(std::count(expected.begin(), expected.end(), '\n'), 101);
  EXPECT_EQ(run({"predict", "run/model.pt", "--features", "test-images", "--output", "p.npy"},
                place.path())
                .status,
            0);
  EXPECT_EQ(place.read("p.npy").substr(1, 5), "NUMPY");
}

TEST(EvaluateCommand, GivesTheNumbersOfTheRun) {
  const Workplace place;
  sha_of(place, "mlp.yaml", "run");
  const Outcome outcome = run({"evaluate", "run", "--json", "--replicas", "3"}, place.path());
  ASSERT_EQ(outcome.status, 0) << outcome.err;
  EXPECT_EQ(nlohmann::json::parse(outcome.out), place.summary("run")["evaluation"]["test"]);
  const auto checkpoints =
      std::filesystem::directory_iterator(place.path() / "run" / "checkpoints");
  EXPECT_EQ(run({"evaluate", checkpoints->path().string()}, place.path()).status, 0);
  EXPECT_EQ(run({"evaluate", "run", "--checkpoint", "best"}, place.path()).status, 0);
}

TEST(PredictCommand, NewRowsGoThroughTheFittedSteps) {
  const Workplace place;
  sha_of(place, "table.yaml", "run");
  place.write("new.csv", "width,colour,weight\n1.5,red,3\n0.2,mauve,\n");
  const Outcome outcome =
      run({"predict", "run", "--input", "new.csv", "--output", "p.csv"}, place.path());
  ASSERT_EQ(outcome.status, 0) << outcome.err;
  const std::string csv = place.read("p.csv");
  EXPECT_EQ(std::count(csv.begin(), csv.end(), '\n'), 3) << csv;
  EXPECT_THAT(csv, HasSubstr("p_nail"));
}

}  // namespace train_test
}  // namespace convoy::testing
