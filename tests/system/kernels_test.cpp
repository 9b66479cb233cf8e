// Jobs on CPUs that compute other bits, which CONVOY_ISA makes of one: pinned, refused by name,
// told; and that first calls made by many threads at once change nothing.
#include "convoy/core/kernels.hpp"

#include <fmt/format.h>

#include <map>
#include <set>

#include "paths.hpp"
#include "system/launch_support.hpp"

namespace convoy::testing {
namespace kernels_test {

using Words = std::vector<std::string>;

Words operator+(Words left, const Words& right) {
  left.insert(left.end(), right.begin(), right.end());
  return left;
}

Process start(const Workplace& place, const std::string& name, const Words& environment,
              const Words& words) {
  return Process::of(Words{program_path()} + words, place.path(), name, environment);
}

Words train(const std::string& job, const std::string& out, const Words& more = {}) {
  return Words{"train", job, "--out", out, "--quiet", "--set", "report.html=false"} + more;
}

/// What makes a worker compute other bits than one without it does, on any x86-64.
Words other_bits() {
  return {kernels().isa == "avx512" ? "CONVOY_ISA=avx2" : "ATEN_CPU_CAPABILITY=default"};
}

bool can_differ() {
#if defined(__x86_64__)
  return kernels().isa == "avx512" || kernels().isa == "avx2";
#else
  return false;
#endif
}

/// The workers of one job, as srun would start them, each with variables of its own.
std::vector<Outcome> workers(const Workplace& place, const std::string& name,
                             const std::vector<Words>& environments, const Words& words) {
  std::vector<Process> all;
  for (std::size_t rank = 0; rank < environments.size(); ++rank) {
    const Words slurm = {fmt::format("SLURM_PROCID={}", rank),
                         fmt::format("SLURM_LOCALID={}", rank),
                         fmt::format("SLURM_STEP_NUM_TASKS={}", environments.size()),
                         fmt::format("SLURM_STEP_TASKS_PER_NODE={}", environments.size()),
                         "SLURM_NODEID=0",
                         fmt::format("SLURM_JOB_ID={}", ::getpid()),
                         fmt::format("SLURM_STEP_ID={}", std::hash<std::string>{}(name) % 100000)};
    all.push_back(start(place, fmt::format("{}-{}", name, rank), slurm + environments[rank],
                        words + Words{"--replicas", "1"}));
  }
  std::vector<Outcome> outcomes;
  for (Process& worker : all) outcomes.push_back(worker.wait());
  return outcomes;
}

TEST(Kernels, AWrongInstructionSetIsOneLine) {
  const Workplace place;
  const Outcome outcome =
      start(place, "wrong", {"CONVOY_ISA=sse9"}, train("mlp.yaml", "wrong")).wait();
  EXPECT_EQ(outcome.status, 2);
  EXPECT_EQ(outcome.err,
            "convoy: CONVOY_ISA: 'sse9' is no instruction set that can be pinned; write avx2, "
            "avx512 or default\n");
}

TEST(Kernels, TheSummarySaysWhichAndLaunchPassesThePinOn) {
  if (!can_differ()) GTEST_SKIP() << "this CPU has no avx2";
  const Workplace place;
  const Outcome usual = start(place, "usual", {}, train("cnn.yaml", "usual")).wait();
  const Outcome pinned = start(place, "pinned", {"CONVOY_ISA=avx2"},
                               Words{"launch", "--workers", "2", "--"} + train("cnn.yaml", "two"))
                             .wait();
  ASSERT_EQ(usual.status, 0) << usual.err;
  ASSERT_EQ(pinned.status, 0) << pinned.err;
  const auto ours = place.summary("usual")["environment"];
  const auto theirs = place.summary("two")["environment"];
  EXPECT_EQ(ours["isa"], kernels().isa);
  EXPECT_EQ(ours["kernels"], kernels().digest);
  EXPECT_EQ(theirs["isa"], "avx2");
  if (ours["isa"] == "avx512") EXPECT_NE(ours["kernels"], theirs["kernels"]);
  const Outcome alone = start(place, "alone", {"CONVOY_ISA=avx2"}, train("cnn.yaml", "one")).wait();
  ASSERT_EQ(alone.status, 0) << alone.err;
  EXPECT_EQ(place.summary("one")["weights_sha256"], place.summary("two")["weights_sha256"]);
  EXPECT_EQ(place.summary("one")["environment"]["kernels"], theirs["kernels"]);
}

TEST(Kernels, AWorkerThatComputesOtherBitsIsRefusedByName) {
  if (!can_differ()) GTEST_SKIP() << "this CPU has no avx2";
  const Workplace place;
  for (const Outcome& outcome :
       workers(place, "unlike", {{}, other_bits()}, train("mlp.yaml", "unlike"))) {
    EXPECT_EQ(outcome.status, 2);
    EXPECT_THAT(outcome.err, ContainsRegex("^convoy: worker 1 \\(.*\\) computes other bits than "
                                           "worker 0 \\(.*\\): .*; set CONVOY_ISA=avx2 on all\n$"));
  }
  const Words own_steps = {"--set", "strategy.kind=local_sgd"};
  const auto told =
      workers(place, "told", {{}, other_bits()}, train("mlp.yaml", "told", own_steps));
  EXPECT_EQ(told[0].status, 0) << told[0].err;
  EXPECT_EQ(told[1].status, 0) << told[1].err;
  EXPECT_THAT(told[0].err, HasSubstr("worker 1 "));
  EXPECT_THAT(told[0].err, HasSubstr(" computes other bits than worker 0 "));
  const Words same = {"CONVOY_ISA=avx2"};
  for (const Outcome& outcome : workers(place, "alike", {same, same}, train("mlp.yaml", "alike")))
    EXPECT_EQ(outcome.status, 0) << outcome.err;
}

/// A job of one worker, and a launcher that comes while it runs and whose worker computes other
/// bits. The job ends as if nobody had come; returns how the second launcher ended.
Outcome refused_while_it_runs(const Words& launched, const Words& joining, const Words& strategy) {
  const Workplace place;
  place.write("secret", "the secret of a job of unlike workers\n");
  std::filesystem::permissions(place.path() / "secret", std::filesystem::perms::owner_read);
  const Words steps = {"--replicas",       "1",     "--set",
                       "train.steps=6000", "--set", "report.every=1000"};
  const Outcome alone = start(place, "alone", {}, train("mlp.yaml", "alone", steps)).wait();
  EXPECT_EQ(alone.status, 0) << alone.err;
  const Words meet = {"--secret-file", "secret", "--rendezvous",
                      fmt::format("127.0.0.1:{}", free_port())};
  const Words command = Words{"--"} + train("mlp.yaml", "run", steps + strategy);
  Process first = start(place, "first", {}, Words{"launch"} + launched + meet + command);
  EXPECT_TRUE(
      comes_true([&] { return std::filesystem::exists(place.path() / "run/metrics.jsonl"); }));
  Process second = start(place, "second", other_bits(), Words{"launch"} + joining + meet + command);
  EXPECT_TRUE(second.wait_for(60s)) << second.err();
  const Outcome one = first.wait();
  EXPECT_EQ(one.status, 0) << one.err;
  EXPECT_EQ(place.summary("run")["weights_sha256"], place.summary("alone")["weights_sha256"]);
  return second.wait();
}

TEST(Kernels, AWorkerThatJoinsWithOtherBitsIsRefusedAndTheJobGoesOn) {
  if (!can_differ()) GTEST_SKIP() << "this CPU has no avx2";
  const Words elastic = {"--workers", "1:1"};
  EXPECT_THAT(refused_while_it_runs(elastic, elastic, {}).err,
              ContainsRegex("computes other bits than worker 0 .*; it is not replaced"));
}

TEST(Kernels, AWorkerThatJoinsServersWithOtherBitsIsRefusedAndTheJobGoesOn) {
  if (!can_differ()) GTEST_SKIP() << "this CPU has no avx2";
  const Outcome refused = refused_while_it_runs(
      {"--workers", "1", "--servers", "1"}, {"--workers", "1", "--join"},
      {"--set", "strategy.kind=parameter_server", "--set", "strategy.consistency=bsp"});
  EXPECT_EQ(refused.status, 78) << refused.err;
  EXPECT_THAT(refused.err, HasSubstr(" computes other bits than worker 0 "));
}

/// Jobs whose networks are of every kind, over lines of words of some length.
void write_jobs(const Workplace& place) {
  constexpr const char* words[] = {"wind", "rain", "sun", "snow", "hail", "fog", "storm", "calm"};
  std::string lines;
  for (int row = 0; row < 240; ++row) {
    lines += row % 3 == 0 ? "warm\t" : "cold\t";
    for (int i = 0; i <= row % 7 + 2; ++i)
      lines += fmt::format("{}{}", i == 0 ? "" : " ", words[(row * 5 + i * i + row / 9) % 8]);
    lines += '\n';
  }
  place.write("lines.tsv", lines);
  constexpr const char* job = R"(name: words
seed: 2
data:
  format: tsv
  train: {{file: lines.tsv}}
  csv: {{header: "false", columns: [class, words]}}
  target: class
  test_part: 0.2
preprocess:
  - tokens: {{tokenizer: word, length: 12}}
model:
  kind: layers
  layers: [embedding: 16, {}, pool_time: mean, dropout: 0.2, linear: 1]
train: {{steps: 9, batch: 48, lanes: 8, optimizer: {{kind: adam, rate: 0.01}}}}
report: {{html: false}}
)";
  place.write("transformer.yaml", fmt::format(job, "positions, transformer: 2"));
  place.write("gru.yaml", fmt::format(job, "gru: 12"));
  place.write("lstm.yaml", fmt::format(job, "lstm: 12"));
  std::string cnn = place.read("cnn.yaml");
  cnn.replace(cnn.find("dropout"), 0, "batch_norm: true, ");
  place.write("batch_norm.yaml", cnn);
}

TEST(Kernels, OfEveryKindOfNetworkGiveOneDigestWhoeverRunsThem) {
  const Workplace place;
  write_jobs(place);
  for (const std::string job : {"mlp", "batch_norm", "transformer", "gru", "lstm"}) {
    std::map<std::string, std::vector<std::string>> found;
    const auto run_as = [&](const std::string& who, const Words& before, const char* replicas) {
      const std::string out = job + who;
      const Outcome outcome =
          start(place, out, {},
                before + train(job + ".yaml", out,
                               {"--replicas", replicas, "--set", "train.last_batch=drop"}))
              .wait();
      ASSERT_EQ(outcome.status, 0) << out << ": " << outcome.err;
      found[place.summary(out)["weights_sha256"]].push_back(who);
    };
    for (const char* replicas : {"1", "2", "3", "8"}) run_as(replicas, {}, replicas);
    for (const char* workers : {"2", "3"})
      run_as(fmt::format("workers{}", workers), {"launch", "--workers", workers, "--"}, "1");
    EXPECT_EQ(found.size(), 1u) << job << ": " << ::testing::PrintToString(found);
  }
}

// MKL chooses a vector function's kernel at its first call, and threads that make that call
// together may compute with a poor one: so every process is a try. The whole storm: scripts/storm.
TEST(Kernels, AreTheSameInEveryProcess) {
  constexpr int processes = 24;
  constexpr int at_once = 6;
  const Workplace place;
  std::set<std::string> digests;
  std::vector<Process> running;
  const Words job = {"--replicas", "4", "--set", "train.steps=3"};
  const auto end_all = [&] {
    for (Process& process : running) {
      const Outcome outcome = process.wait();
      EXPECT_EQ(outcome.status, 0) << outcome.err;
    }
    running.clear();
  };
  for (int i = 0; i < processes; ++i) {
    const std::string name = fmt::format("storm{}", i);
    running.push_back(start(place, name, {}, train("cnn.yaml", name, job)));
    if (running.size() == at_once) end_all();
  }
  end_all();
  for (int i = 0; i < processes; ++i)
    digests.insert(place.summary(fmt::format("storm{}", i))["weights_sha256"]);
  EXPECT_EQ(digests.size(), 1u);
}

}  // namespace kernels_test
}  // namespace convoy::testing
