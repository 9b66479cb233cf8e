// Strategies that change the result, with processes: it does not depend on how they talk.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>

#include "paths.hpp"
#include "system/fixtures.hpp"
#include "system/process.hpp"

namespace convoy::testing {
namespace strategies_test {

using ::testing::HasSubstr;
using Words = std::vector<std::string>;

Words train(const std::string& out, const Words& set, const Words& more = {}) {
  Words words = {"train", "cnn.yaml", "--out", out, "--quiet", "--set", "report.html=false"};
  for (const std::string& one : set) words.insert(words.end(), {"--set", one});
  words.insert(words.end(), more.begin(), more.end());
  return words;
}

std::string digest(const Workplace& place, const std::string& out, const Outcome& outcome) {
  EXPECT_EQ(outcome.status, 0) << outcome.out << outcome.err;
  return outcome.status == 0 ? place.summary(out)["weights_sha256"].get<std::string>() : "failed";
}

std::string launched(const Workplace& place, int workers, const std::string& out, const Words& set,
                     const std::string& transport, const std::string& replicas) {
  Words all = set;
  all.push_back("strategy.transport=" + transport);
  Words words = {"launch", "--workers", std::to_string(workers), "--"};
  for (const std::string& word : train(out, all, {"--replicas", replicas})) words.push_back(word);
  return digest(place, out, run(words, place.path()));
}

TEST(Strategies, TheSameBitsForAnyTransportAndReplicas) {
  const Workplace place;
  const std::vector<Words> strategies = {
      {"strategy.compression=int8"},
      {"strategy.compression=top_k", "strategy.compression.part=0.05"},
      {"strategy.compression=power_sgd"},
      {"strategy.kind=local_sgd", "strategy.average_every=4", "strategy.outer.rate=0.8",
       "strategy.outer.momentum=0.5", "strategy.compression=bf16"},
      {"strategy.kind=elastic_averaging", "strategy.average_every=4"},
      {"strategy.kind=gossip", "strategy.average_every=4", "strategy.neighbours=random"}};
  int number = 0;
  for (const Words& strategy : strategies) {
    SCOPED_TRACE(strategy[0]);
    const auto out = [&](const char* name) { return fmt::format("{}-{}", name, number); };
    const std::string expected = launched(place, 3, out("shm"), strategy, "shm", "1");
    EXPECT_EQ(launched(place, 3, out("tcp"), strategy, "tcp", "2"), expected);
    ++number;
  }
}

TEST(Strategies, TheSameBitsUnderMpirun) {
  if (std::system("command -v mpirun >/dev/null 2>&1") != 0)
    GTEST_SKIP() << "mpirun is not installed";
  const Workplace place;
  for (const Words& strategy : {Words{"strategy.compression=int8"},
                                Words{"strategy.kind=gossip", "strategy.average_every=3"}}) {
    const std::string expected = launched(place, 2, "shm-" + strategy[0], strategy, "shm", "1");
    Words set = strategy;
    set.push_back("strategy.transport=mpi");
    Words words = {"mpirun", "--allow-run-as-root",          "--oversubscribe", "-n",
                   "2",      convoy::testing::program_path()};
    for (const std::string& word : train("mpi-" + strategy[0], set, {"--replicas", "1"}))
      words.push_back(word);
    auto process = Process::of(words, place.path(), "mpirun");
    EXPECT_EQ(digest(place, "mpi-" + strategy[0], process.wait()), expected) << strategy[0];
  }
}

TEST(Strategies, ExplainPrintsWhatTheJobsStrategyGuarantees) {
  const Workplace place;
  const Outcome outcome =
      run(Words{"train", "cnn.yaml", "--set", "strategy.kind=gossip", "--explain"}, place.path());
  EXPECT_EQ(outcome.status, 0) << outcome.err;
  EXPECT_THAT(outcome.out, HasSubstr("strategy     gossip\nconsistency  "));
}

TEST(Strategies, WhatCannotBeCombinedIsOneLine) {
  const Workplace place;
  const auto refused = [&](const Words& words, const char* line) {
    const Outcome outcome = run(words, place.path());
    EXPECT_EQ(outcome.status, 2) << outcome.out;
    EXPECT_THAT(outcome.err, HasSubstr(line));
  };
  refused(train("x", {"strategy.kind=gossip", "strategy.compression=int8"}),
          "strategy.compression.kind: int8 compresses gradients or changes");
  refused(train("x", {"strategy.compression=top_k", "strategy.compression.part=2"}),
          "strategy.compression.part=2: 2 is more than all elements");
  refused(train("x", {"strategy.kind=local_sgd", "train.verify_every=5"}),
          "train.verify_every=5: with strategy.kind local_sgd workers have weights of their own");
  Words words = {"launch", "--workers", "1:2", "--"};
  for (const std::string& word : train("x", {"strategy.kind=parameter_server"}))
    words.push_back(word);
  refused(words, "strategy.kind: parameter_server is launched with: convoy launch --servers N");
}

}  // namespace strategies_test
}  // namespace convoy::testing
