// A strategy from outside the library: it trains, is elastic, checkpointed and resumed.
#include "../../examples/extend/diloco.cpp"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "comm_support.hpp"
#include "elastic_support.hpp"
#include "train_support.hpp"

namespace convoy {
namespace diloco_test {

using testing::Elastic;
using testing::small_job;
using testing::TemporaryFolder;

// The example registers itself. Other tests list what is Convoy's own, so it is there for these
// alone.
const StrategyKind example = [] {
  StrategyKind kind = strategies().get("diloco");
  strategies().remove("diloco");
  return kind;
}();

ModelFactory mlp() {
  return build_model(testing::mlp_options(), testing::image_spec());
}

class DiLoCo : public ::testing::Test {
 protected:
  DiLoCo() { strategies().add(example); }
  ~DiLoCo() override { strategies().remove("diloco"); }
};

Job diloco_job() {
  Job job = small_job();
  job.strategy = {
      .kind = "diloco",
      .own = DilocoOptions{.average_every = 3, .outer = {.rate = 0.7, .momentum = 0.9}}};
  job.train.epochs = 8;
  job.train.optimizer = {.kind = "adamw", .rate = 0.01};
  return job;
}

struct Result {
  std::vector<std::string> digests;  // by worker
  double accuracy = 0;
};

Result run(const Job& job, int workers, int replicas = 1, RunOptions options = {}) {
  options.replicas = replicas;
  Result result;
  result.digests.resize(static_cast<std::size_t>(workers));
  testing::in_group(
      workers,
      [&](const std::shared_ptr<Communicator>& group) {
        RunOptions own = options;
        own.group = group;
        const RunSummary summary = testing::train(job, mlp(), own);
        result.digests[static_cast<std::size_t>(group->rank())] = summary.weights_sha256;
        if (group->rank() == 0) result.accuracy = summary.json["final"]["test_accuracy"];
      },
      std::chrono::seconds(20));
  return result;
}

TEST_F(DiLoCo, TheSameBitsForAnyReplicasAndInEveryRun) {
  const Result expected = run(diloco_job(), 2);
  EXPECT_EQ(expected.digests[0], expected.digests[1]);
  EXPECT_GT(expected.accuracy, 0.8);
  EXPECT_EQ(run(diloco_job(), 2).digests, expected.digests);
  EXPECT_EQ(run(diloco_job(), 2, 3).digests, expected.digests);
}

TEST_F(DiLoCo, IsWhatLocalSgdWithAnOuterOptimizerComesTo) {
  Job job = diloco_job();
  const Result ours = run(job, 2);
  job.strategy = testing::averaging("local_sgd", 3);
  job.strategy.own.edit<LocalSgdOptions>().outer = {.rate = 0.7, .momentum = 0.9, .nesterov = true};
  EXPECT_NEAR(run(job, 2).accuracy, ours.accuracy, 0.05);
}

TEST_F(DiLoCo, ItsOptionsAreKeysOfTheJob) {
  const Job job = parse_job(
      "data: {train: a.csv, target: y}\n"
      "strategy: {kind: diloco, average_every: 5, outer: {momentum: 0.5}}\n",
      "job.yaml");
  const auto own = job.strategy.own.as<DilocoOptions>();
  EXPECT_EQ(own.average_every, 5);
  EXPECT_EQ(own.outer.rate, 0.7);
  EXPECT_EQ(own.outer.momentum, 0.5);
}

TEST_F(DiLoCo, AResumedRunIsTheSame) {
  Job job = diloco_job();
  job.train.checkpoint.every = 1;
  job.train.checkpoint.keep = 100;
  const Result expected = run(job, 2);
  const TemporaryFolder folder;
  RunOptions options;
  options.out = folder.path();
  run(job, 2, 1, options);
  const auto checkpoints = folder.path() / "checkpoints";
  for (int step = 18; step <= 100; ++step) {  // back to between two exchanges
    std::filesystem::remove(checkpoints / fmt::format("step-{:010}.checkpoint", step));
  }
  options.resume = true;
  EXPECT_EQ(run(job, 2, 3, options).digests, expected.digests);
}

TEST_F(DiLoCo, WorkersAreLostAndJoin) {
  Elastic job(1);
  job.job = diloco_job();
  job.job.train.epochs = 0;
  job.job.train.steps = 60;
  job.announce(3);
  std::atomic<bool> joined{false};
  const auto meet_the_fourth = [&](int reads) {
    if (reads > 40 && !joined.exchange(true)) job.coordinator().worker_started(3, 1);
    while (joined && job.coordinator().state().latest.rank_of(3) < 0)
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
  };
  job.start(0, meet_the_fourth);
  job.start(1);
  job.start(2, [](int reads) {
    if (reads > 20) throw testing::Killed();
  });
  while (!joined) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  job.start(3);
  job.wait();
  const auto digests = job.digests();
  ASSERT_TRUE(digests.contains(0) && digests.contains(1) && digests.contains(3));
  EXPECT_EQ(digests.at(0), digests.at(1));
  EXPECT_EQ(digests.at(0), digests.at(3));
  EXPECT_EQ(digests.at(0).size(), 64U) << digests.at(0);
  EXPECT_EQ(job.events("lost").size(), 1U);
  EXPECT_GT(job.accuracy(), 0.6);
}

}  // namespace diloco_test
}  // namespace convoy
