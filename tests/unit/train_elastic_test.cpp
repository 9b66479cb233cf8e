// An elastic job with workers as threads, which come, leave and fall silent.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "elastic_support.hpp"

namespace convoy {
namespace train_elastic_test {

using namespace std::chrono_literals;
using testing::Elastic;
using testing::Killed;
using testing::small_job;

std::string expected_digest() {
  const ModelFactory factory = build_model(testing::mlp_options(), testing::image_spec());
  return testing::train(small_job(), factory, {}, {testing::images(), nullptr, nullptr})
      .weights_sha256;
}

TEST(TrainElastic, WithoutTroubleItIsAnOrdinaryRun) {
  Elastic job(3);
  for (int worker = 0; worker < 3; ++worker) job.start(worker);
  job.wait();
  const std::string expected = expected_digest();
  EXPECT_EQ(job.digests(),
            (std::map<int, std::string>{{0, expected}, {1, expected}, {2, expected}}));
  EXPECT_EQ(job.coordinator().state().latest.number, 1);
}

TEST(TrainElastic, CompressedSumsGoOnWithoutALostWorkersResidual) {
  for (const char* kind : {"top_k", "int8", "power_sgd"}) {
    Elastic job(2);
    job.announce(3);
    job.job.strategy.compression = testing::compression(kind, 0.1);
    for (int worker = 0; worker < 2; ++worker) job.start(worker);
    job.start(2, [](int reads) {
      if (reads > 8) throw Killed();
    });
    job.wait();
    const auto digests = job.digests();
    ASSERT_EQ(digests.size(), 2u) << kind;
    EXPECT_EQ(digests.at(0), digests.at(1)) << kind;
    EXPECT_EQ(digests.at(0).size(), 64u) << digests.at(0);
    EXPECT_EQ(job.events("lost").size(), 1u);
  }
}

constexpr std::int64_t average_every = 3;

std::vector<StrategyOptions> averaging_strategies() {
  const StrategyOptions local = testing::averaging("local_sgd", average_every);
  StrategyOptions outer = local;
  outer.own.edit<LocalSgdOptions>().outer = {.rate = 0.7, .momentum = 0.9, .nesterov = true};
  StrategyOptions compressed = local;
  compressed.compression.kind = "int8";
  return {local, outer, compressed, testing::averaging("elastic_averaging", average_every),
          testing::averaging("gossip", average_every)};
}

// All that came to the end have one result, and it has learned.
void expect_one_result(const Elastic& job, std::initializer_list<int> workers) {
  const auto digests = job.digests();
  for (const int worker : workers) {
    ASSERT_TRUE(digests.contains(worker)) << worker;
    EXPECT_EQ(digests.at(worker), digests.at(*workers.begin()));
    EXPECT_EQ(digests.at(worker).size(), 64u) << digests.at(worker);
  }
  // Who takes the log over may be behind the one that had it, by the steps since an exchange.
  std::set<int> steps;
  std::int64_t logged_again = 0;
  for (const auto& step : job.events("step"))
    logged_again += !steps.insert(step["step"].get<int>()).second;
  EXPECT_LE(logged_again, average_every);
  EXPECT_GT(job.accuracy(), 0.6);
}

TEST(TrainElastic, OfStepsOfEachWorkersOwnALostWorkersAreDoneByTheOthers) {
  for (const StrategyOptions& strategy : averaging_strategies()) {
    for (const int lost : {0, 2}) {
      SCOPED_TRACE(strategy.kind + ", lost: " + std::to_string(lost));
      Elastic job(2);
      job.announce(3);
      job.job.strategy = strategy;
      job.job.train.steps = 40;
      job.job.train.optimizer.own.edit<SgdOptions>().momentum = 0;
      for (int worker = 0; worker < 3; ++worker) {
        job.start(worker, [lost, worker](int reads) {
          if (worker == lost && reads > 30) throw Killed();
        });
      }
      job.wait();
      expect_one_result(job, {1, lost == 0 ? 2 : 0});
      EXPECT_EQ(job.events("lost").size(), 1u);
      EXPECT_GE(job.events("recovered").size(), 1u);  // more where forming the new group took two
    }
  }
}

TEST(TrainElastic, WithStepsOfItsOwnAWorkerMayJoinAndAnotherLeave) {
  for (const StrategyOptions& strategy : averaging_strategies()) {
    SCOPED_TRACE(strategy.kind);
    Elastic job(1);
    job.announce(2);
    job.job.strategy = strategy;
    job.job.train.steps = 60;
    job.job.train.optimizer.own.edit<SgdOptions>().momentum = 0;
    std::atomic<bool> joined{false};
    const auto meet_the_third = [&](int reads) {
      if (reads > 12 && !joined.exchange(true)) {
        job.coordinator().worker_started(2, 1);
        job.leave = true;
      }
      while (joined && job.coordinator().state().latest.rank_of(2) < 0)
        std::this_thread::sleep_for(10ms);
      if (joined) std::this_thread::sleep_for(5ms);
    };
    job.start(0, meet_the_third);
    job.start(1);
    while (!joined) std::this_thread::sleep_for(1ms);
    job.start(2);
    job.wait();
    expect_one_result(job, {1, 2});
    EXPECT_EQ(job.digests()[0], "");  // it left
    ASSERT_EQ(job.events("joined").size(), 1u);
    EXPECT_EQ(job.events("joined")[0]["worker"], 2);
    EXPECT_EQ(job.events("lost").size(), 1u);
  }
}

// Alone, and with more workers than lanes: those without a lane change nothing.
TEST(TrainElastic, WithStepsOfItsOwnAnyNumberOfWorkersWillDo) {
  StrategyOptions strategy = averaging_strategies()[0];
  std::map<int, std::string> results;
  for (const int workers : {1, 2, 3}) {
    Elastic job(workers);
    job.job.strategy = strategy;
    job.job.train.lanes = 2;
    for (int worker = 0; worker < workers; ++worker) job.start(worker);
    job.wait();
    results[workers] = job.digests()[0];
    for (const auto& [worker, digest] : job.digests()) EXPECT_EQ(digest, results[workers]);
  }
  EXPECT_NE(results[1], results[2]);
  EXPECT_EQ(results[2], results[3]);
}

TEST(TrainElastic, WithStepsOfItsOwnAJobOfNobodyGoesOnFromACheckpoint) {
  for (const StrategyOptions& strategy : averaging_strategies()) {
    SCOPED_TRACE(strategy.kind);
    Elastic job(2);
    job.job.strategy = strategy;
    job.job.train.steps = 40;
    job.job.train.optimizer.own.edit<SgdOptions>().momentum = 0;
    job.job.train.checkpoint.every = 5;
    for (int worker = 0; worker < 2; ++worker) {
      job.start(worker, [](int reads) {
        if (reads > 60) throw Killed();
      });
    }
    for (int worker = 2; worker < 4; ++worker) {
      while (job.coordinator().state().lost.size() < 2) std::this_thread::sleep_for(5ms);
      job.start(worker);
    }
    job.wait();
    expect_one_result(job, {2, 3});
    ASSERT_EQ(job.events("resumed").size(), 1u);
    EXPECT_GT(job.events("resumed")[0]["step"], 0);
  }
}

// The worker that writes the folder falls silent in the middle of a step.
TEST(TrainElastic, ALostWorkersLanesGoToTheOthers) {
  Elastic job(2);
  job.announce(3);
  job.start(0, [](int reads) {
    if (reads > 20) throw Killed();
  });
  job.start(1);
  job.start(2);
  job.wait();
  const std::string expected = expected_digest();
  EXPECT_EQ(job.digests(), (std::map<int, std::string>{{1, expected}, {2, expected}}));
  ASSERT_EQ(job.events("lost").size(), 1u);
  EXPECT_EQ(job.events("lost")[0]["worker"], 0);
  EXPECT_EQ(job.events("recovered").size(), 1u);
  std::set<int> steps;
  for (const auto& step : job.events("step"))
    EXPECT_TRUE(steps.insert(step["step"].get<int>()).second);
  EXPECT_EQ(steps.size(), 10u);  // each once
}

TEST(TrainElastic, AWorkerMayJoinAndAnotherLeave) {
  Elastic job(1);
  std::atomic<bool> joined{false};
  job.start(0, [&](int reads) {
    if (reads > 12 && !joined.exchange(true)) {
      job.coordinator().worker_started(1, 1);
      job.leave = true;
    }
    while (joined && job.coordinator().state().latest.rank_of(1) < 0)
      std::this_thread::sleep_for(10ms);
    if (joined) std::this_thread::sleep_for(30ms);  // time to be let go before the last step
  });
  while (!joined) std::this_thread::sleep_for(1ms);
  job.start(1);
  job.wait();
  EXPECT_EQ(job.digests()[1], expected_digest());
  EXPECT_EQ(job.digests()[0], "");  // it left
  ASSERT_EQ(job.events("joined").size(), 1u);
  EXPECT_EQ(job.events("joined")[0]["from"], "worker 0");
}

// Workers 0 and 1, and worker 2, which joins while they train.
void run_with_a_joiner(Elastic& job) {
  std::atomic<bool> called{false};
  job.start(0, [&](int reads) {
    if (reads > 12 && !called.exchange(true)) job.coordinator().worker_started(2, 1);
    while (called && job.coordinator().state().latest.rank_of(2) < 0)
      std::this_thread::sleep_for(10ms);
  });
  job.start(1);
  while (!called) std::this_thread::sleep_for(1ms);
  job.start(2);
  job.wait();
}

// It is killed when the log has told that another one joined, and before the store knows that.
TEST(TrainElastic, WhatWasLoggedByAWorkerThatDiedOverItIsNotLoggedAgain) {
  Elastic job(1);
  job.announce(2);
  job.on_event = [](int worker, const nlohmann::ordered_json& event) {
    if (worker == 0 && event["event"] == "joined") throw Killed();
  };
  run_with_a_joiner(job);
  EXPECT_EQ(job.digests()[1], expected_digest());
  EXPECT_EQ(job.digests()[2], expected_digest());
  ASSERT_EQ(job.events("joined").size(), 1u);
  EXPECT_EQ(job.events("joined")[0]["worker"], 2);
  ASSERT_EQ(job.events("lost").size(), 1u);
  EXPECT_EQ(job.events("lost")[0]["worker"], 0);
}

// Its workers have the numbers that those of the earlier launch had.
TEST(TrainElastic, AResumedJobTellsItsOwnChanges) {
  Elastic first(1);
  first.announce(2);
  run_with_a_joiner(first);
  ASSERT_EQ(first.events("joined").size(), 1u);
  Elastic second(1);
  second.announce(2);
  second.out = first.out;
  second.resume = true;
  second.job.train.epochs = 2 * first.job.train.epochs;
  run_with_a_joiner(second);
  EXPECT_EQ(second.events("resumed").size(), 1u);
  ASSERT_EQ(second.events("joined").size(), 2u);
  for (const auto& event : second.events("joined")) EXPECT_EQ(event["worker"], 2);
}

// Its heartbeats go on while its training hangs: the others' deadline tells.
TEST(TrainElastic, AWorkerThatHangsIsDeclaredLostForGood) {
  Elastic job(1, 2s);
  job.announce(2);
  std::atomic<bool> hangs{true};
  job.start(0);
  job.start(1, [&](int reads) {
    while (reads > 20 && hangs) std::this_thread::sleep_for(1ms);
  });
  while (!job.digests().contains(0)) std::this_thread::sleep_for(10ms);
  while (!job.coordinator().state().lost.contains(1)) std::this_thread::sleep_for(10ms);
  hangs = false;
  job.wait();
  EXPECT_EQ(job.digests()[0], expected_digest());
  EXPECT_THAT(job.digests()[1], ::testing::HasSubstr("declared lost"));
  ASSERT_EQ(job.events("lost").size(), 1u);
  // It may have been late at the beginning, but did not come back.
  for (const auto& event : job.events("joined"))
    EXPECT_LT(event["generation"], job.events("lost")[0]["generation"]);
}

// It has nobody whose end of a connection would tell it.
TEST(TrainElastic, AWorkerThatIsAloneStopsWhenItWasDeclaredLost) {
  Elastic job(1);
  std::atomic<bool> declared_lost{false};
  job.start(0, [&](int reads) {
    if (reads > 12 && !declared_lost.exchange(true)) job.coordinator().worker_lost(0, "a mistake");
    std::this_thread::sleep_for(20ms);
  });
  while (!declared_lost) std::this_thread::sleep_for(1ms);
  job.start(1);
  job.wait();
  EXPECT_THAT(job.digests()[0], ::testing::HasSubstr("declared lost"));
  EXPECT_EQ(job.digests()[1], expected_digest());
}

}  // namespace train_elastic_test
}  // namespace convoy
