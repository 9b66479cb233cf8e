// Elastic jobs as processes that are killed, stopped, sent away and joined: what the job ends with,
// and what it tells. scripts/chaos does it at random.
#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <numeric>
#include <stdexcept>

#include "paths.hpp"
#include "system/launch_support.hpp"
#include "unit/etcd_support.hpp"

namespace convoy::testing {
namespace elastic_test {

using Json = nlohmann::json;
namespace fs = std::filesystem;

constexpr int steps = 60;

// Steps of some ten milliseconds: long enough to be hit in the middle of the run.
constexpr const char* job = R"(name: elastic
seed: 3
data:
  train: {features: train-images, labels: train-labels}
preprocess:
  - scale: 255
model: {kind: mlp, hidden: [512, 384], dropout: 0.1}
train:
  steps: 60
  batch: 200
  lanes: 8
  optimizer: {kind: adam, rate: 0.001}
  checkpoint: {every: 4}
report: {every: 1, html: false, samples: 0}
)";

struct Place : Workplace {
  Place() {
    write("job.yaml", job);
    write("secret", "the secret of an elastic job\n");
    fs::permissions(path() / "secret", fs::perms::owner_read);
  }

  // The weights of a run in which nothing happens; once for all tests.
  std::string undisturbed() const {
    static const std::string weights = [&] {
      const Outcome outcome =
          run({"train", "job.yaml", "--replicas", "1", "--out", "alone", "--quiet"}, path());
      EXPECT_EQ(outcome.status, 0) << outcome.err;
      return summary("alone")["weights_sha256"].get<std::string>();
    }();
    return weights;
  }

  std::vector<Json> events(const std::string& kind) const {
    std::vector<Json> found;
    const std::string log = read("run/metrics.jsonl");
    for (const std::string& line : lines_of(log.substr(0, log.rfind('\n') + 1))) {
      const Json event = Json::parse(line);
      if (event["event"] == kind) found.push_back(event);
    }
    return found;
  }

  bool reaches(std::size_t step) const {
    return comes_true([&] { return events("step").size() >= step; }, 60s);
  }

  // It went on to the end, each step is told once, and no bit is another one.
  void expect_undisturbed() const {
    EXPECT_EQ(summary("run")["weights_sha256"], undisturbed());
    std::vector<int> logged;
    for (const Json& event : events("step")) logged.push_back(event["step"]);
    std::vector<int> expected(steps);
    std::iota(expected.begin(), expected.end(), 1);
    EXPECT_EQ(logged, expected);
  }
};

// `convoy launch` of the job. Its workers are its children, and so is the rendezvous.
class Elastic {
 public:
  Elastic(const Place& place, std::vector<std::string> options, const std::string& name = "launch",
          const std::vector<std::string>& environment = {})
      : process_(Process::of(words(std::move(options)), place.path(), name, environment)) {}

  std::map<int, pid_t> workers() const {
    std::map<int, pid_t> found;
    for (const pid_t child : children()) {
      const std::string variables = file(child, "environ");
      const std::string name = std::string(1, '\0') + "CONVOY_WORKER=";
      const auto at = variables.find(name);
      if (at != std::string::npos) found[std::atoi(variables.c_str() + at + name.size())] = child;
    }
    return found;
  }
  pid_t rendezvous() const {
    for (const pid_t child : children()) {
      if (file(child, "cmdline").find("rendezvous") != std::string::npos) return child;
    }
    throw std::runtime_error("the rendezvous is not there");  // -1 would be every process
  }
  Process& process() { return process_; }
  Outcome wait() {
    EXPECT_TRUE(process_.wait_for(120s)) << process_.err();
    return process_.wait();
  }

 private:
  static std::vector<std::string> words(std::vector<std::string> options) {
    std::vector<std::string> all = {convoy::testing::program_path(), "launch"};
    all.insert(all.end(), options.begin(), options.end());
    for (const char* word : {"--", "train", "job.yaml", "--out", "run", "--replicas", "1"})
      all.emplace_back(word);
    return all;
  }
  static std::string file(pid_t pid, const char* what) {
    std::ifstream in(fmt::format("/proc/{}/{}", pid, what));
    std::ostringstream text;
    text << in.rdbuf();
    return text.str();
  }
  std::vector<pid_t> children() const {
    std::vector<pid_t> found;
    for (const auto& entry : fs::directory_iterator("/proc")) {
      const pid_t pid = std::atoi(entry.path().filename().c_str());
      const std::string stat = pid > 0 ? file(pid, "stat") : "";
      const auto end = stat.rfind(") ");
      if (end == std::string::npos || stat[end + 2] == 'Z') continue;
      if (std::atoi(stat.c_str() + end + 4) == process_.pid()) found.push_back(pid);
    }
    return found;
  }

  Process process_;
};

TEST(ElasticJob, AKilledWorkerIsReplacedAndNoBitChanges) {
  for (const bool writer : {false, true}) {
    const Place place;
    Elastic launcher(place, {"--workers", "1:2"});
    ASSERT_TRUE(place.reaches(10)) << launcher.process().err();
    const int victim = writer ? 0 : 1;  // worker 0 writes the run's folder
    send_signal(launcher.workers().at(victim), SIGKILL);
    const Outcome outcome = launcher.wait();
    EXPECT_EQ(outcome.status, 0) << outcome.err;
    place.expect_undisturbed();
    ASSERT_EQ(place.events("lost").size(), 1u);
    EXPECT_EQ(place.events("lost")[0]["worker"], victim);
    EXPECT_EQ(place.events("lost")[0]["reason"], "was killed by signal 9 (SIGKILL)");
    EXPECT_EQ(place.events("resumed").size(), 0u) << "the state comes from the other one";
    EXPECT_THAT(outcome.err, ContainsRegex("worker . .pid [0-9]+. was killed by signal 9 "
                                           ".SIGKILL.; another one starts in 0.2 s .1 of 10"));
  }
}

// The update is shared: before the other one knows that the killed one has the control message of
// the step, in the middle of its first block, between blocks, in a later one, and when all of its
// blocks are done.
TEST(ElasticJob, AtWhateverInstantOfAnUpdateAWorkerIsKilledTheOtherCompletesIt) {
  int victim = 0;
  for (const int after : {0, 1, 2, 15, 28}) {
    SCOPED_TRACE(after);
    victim = 1 - victim;
    const Place place;
    Elastic launcher(
        place, {"--workers", "2:2"}, "launch",  // nobody begins alone
        {fmt::format("CONVOY_FAULTS=crash:update,worker={},step=20,after={}", victim, after)});
    const Outcome outcome = launcher.wait();
    EXPECT_EQ(outcome.status, 0) << outcome.err;
    place.expect_undisturbed();
    ASSERT_EQ(place.events("lost").size(), 1u);
    EXPECT_EQ(place.events("lost")[0]["worker"], victim);
    EXPECT_EQ(place.events("resumed").size(), 0u);
  }
}

// The result is another one; that all workers have the same is checked by each run itself.
TEST(ElasticJob, WithStepsOfItsOwnAKilledWorkerIsReplaced) {
  for (const char* kind : {"local_sgd", "elastic_averaging", "gossip"}) {
    SCOPED_TRACE(kind);
    const Place place;
    place.write("job.yaml",
                std::string(job) + "strategy: {kind: " + kind + ", average_every: 3}\n");
    Elastic launcher(place, {"--workers", "1:2"});
    ASSERT_TRUE(place.reaches(10)) << launcher.process().err();
    send_signal(launcher.workers().at(0), SIGKILL);  // it writes the run's folder
    const Outcome outcome = launcher.wait();
    EXPECT_EQ(outcome.status, 0) << outcome.err;
    EXPECT_EQ(place.events("lost").size(), 1u);
    EXPECT_EQ(place.events("resumed").size(), 0u) << "the state comes from the other one";
    const auto logged = place.events("step");
    EXPECT_EQ(logged.back()["step"], steps);
    EXPECT_LT(logged.back()["loss"], logged.front()["loss"]);
  }
}

TEST(ElasticJob, AStoppedWorkerIsLostAfterItsTime) {
  const Place place;
  Elastic launcher(place, {"--workers", "2:3", "--lost-after", "1"});
  ASSERT_TRUE(place.reaches(10)) << launcher.process().err();
  send_signal(launcher.workers().at(2), SIGSTOP);
  const Outcome outcome = launcher.wait();
  EXPECT_EQ(outcome.status, 0) << outcome.err;
  place.expect_undisturbed();
  ASSERT_GE(place.events("lost").size(), 1u);
  EXPECT_EQ(place.events("lost")[0]["worker"], 2);
  EXPECT_THAT(place.events("lost")[0]["reason"].get<std::string>(), HasSubstr("no heartbeat"));
}

TEST(ElasticJob, TheProcessOfItsStateMayDie) {
  const Place place;
  Elastic launcher(place, {"--workers", "2:2"});
  ASSERT_TRUE(place.reaches(10)) << launcher.process().err();
  const pid_t before = launcher.rendezvous();
  send_signal(before, SIGKILL);
  const Outcome outcome = launcher.wait();
  EXPECT_EQ(outcome.status, 0) << outcome.err;
  place.expect_undisturbed();
  EXPECT_THAT(outcome.err, HasSubstr(fmt::format("the process {} is gone", before)));
}

// tcp writes to connections that the other side may just have closed.
TEST(ElasticJob, AClosedConnectionIsNotTheEndOfAWorker) {
  const Place place;
  place.write("job.yaml", std::string(job) + "strategy: {transport: tcp}\n");
  Elastic launcher(place, {"--workers", "2:2"});
  ASSERT_TRUE(place.reaches(10)) << launcher.process().err();
  for (const auto& [worker, pid] : launcher.workers()) send_signal(pid, SIGPIPE);
  const Outcome outcome = launcher.wait();
  EXPECT_EQ(outcome.status, 0) << outcome.err;
  place.expect_undisturbed();
  EXPECT_EQ(place.events("lost").size(), 0u);
}

TEST(ElasticJob, WithoutAnyWorkerItGoesOnFromACheckpoint) {
  const Place place;
  Elastic launcher(place, {"--workers", "2:2"});
  ASSERT_TRUE(place.reaches(20)) << launcher.process().err();
  for (const auto& [worker, pid] : launcher.workers()) send_signal(pid, SIGKILL);
  const Outcome outcome = launcher.wait();
  EXPECT_EQ(outcome.status, 0) << outcome.err;
  place.expect_undisturbed();
  ASSERT_EQ(place.events("resumed").size(), 1u);
  EXPECT_GE(place.events("resumed")[0]["step"], 4);
}

TEST(ElasticJob, AWorkerMayLeave) {
  const Place place;
  Elastic launcher(place, {"--workers", "1:2"});
  ASSERT_TRUE(place.reaches(10)) << launcher.process().err();
  send_signal(launcher.workers().at(0), SIGUSR1);
  ASSERT_TRUE(comes_true([&] { return !launcher.workers().contains(0); }));
  const Outcome outcome = launcher.wait();
  EXPECT_EQ(outcome.status, 0) << outcome.err;
  place.expect_undisturbed();
  ASSERT_EQ(place.events("lost").size(), 1u);
  EXPECT_EQ(place.events("lost")[0]["reason"], "asked to leave");
  EXPECT_EQ(place.events("joined").size(), 0u) << "nobody takes its place";
}

TEST(ElasticJob, WhenTheRestartsAreUsedUpItEndsAndSaysWhy) {
  const Place place;
  Elastic launcher(place, {"--workers", "2:2", "--restarts", "1"});
  ASSERT_TRUE(place.reaches(4)) << launcher.process().err();
  send_signal(launcher.workers().at(1), SIGKILL);
  std::map<int, pid_t> now;
  ASSERT_TRUE(comes_true([&] {
    now = launcher.workers();
    return now.size() == 2 && !now.contains(1);
  }));
  send_signal(now.rbegin()->second, SIGKILL);
  const Outcome outcome = launcher.wait();
  EXPECT_EQ(outcome.status, 1);
  EXPECT_THAT(lines_of(outcome.err).back(),
              ContainsRegex("^convoy: worker [0-9]+ .pid [0-9]+. was killed by signal 9 .SIGKILL.; "
                            "too few workers are left .--restarts 1 are used up.$"));
}

TEST(ElasticJob, AnotherLauncherJoins) {
  const Place place;
  const std::string at = fmt::format("127.0.0.1:{}", free_port());
  const std::vector<std::string> options = {"--workers", "1:1",          "--secret-file",
                                            "secret",    "--rendezvous", at};
  Elastic first(place, options, "first");
  ASSERT_TRUE(place.reaches(2)) << first.process().err();
  Elastic second(place, options, "second");
  // Held back until the other one came.
  const pid_t worker = first.workers().at(0);
  for (int step = 3; step < steps && place.events("joined").empty(); ++step) {
    send_signal(worker, SIGSTOP);
    std::this_thread::sleep_for(200ms);
    send_signal(worker, SIGCONT);
    ASSERT_TRUE(place.reaches(static_cast<std::size_t>(step)));
  }
  const Outcome one = first.wait(), two = second.wait();
  EXPECT_EQ(one.status, 0) << one.err;
  EXPECT_EQ(two.status, 0) << two.err;
  place.expect_undisturbed();
  ASSERT_EQ(place.events("joined").size(), 1u) << one.err << two.err;
  EXPECT_EQ(place.events("joined")[0]["from"], "worker 0") << "from a live worker, not from a disk";
}

TEST(ElasticJob, AKilledLauncherTakesItsWorkersWithItAndTheOtherGoesOn) {
  const Place place;
  EtcdServer etcd;
  const std::vector<std::string> options = {"--workers",    "1:1",      "--secret-file", "secret",
                                            "--rendezvous", etcd.url(), "--hosts",       "2",
                                            "--lost-after", "1"};
  Elastic first(place, options, "first"), second(place, options, "second");
  ASSERT_TRUE(place.reaches(10)) << first.process().err() << second.process().err();
  const auto workers = first.workers();
  ASSERT_EQ(workers.size(), 1u);
  first.process().kill(SIGKILL);
  const Outcome outcome = second.wait();
  EXPECT_EQ(outcome.status, 0) << outcome.err;
  place.expect_undisturbed();
  ASSERT_GE(place.events("lost").size(), 1u);
  EXPECT_EQ(place.events("lost")[0]["worker"], workers.begin()->first);
  EXPECT_NE(::kill(workers.begin()->second, 0), 0) << "no worker outlives its launcher";
}

TEST(ElasticJob, AProgramThatTakesNoPartEndsTheJob) {
  const Place place;
  const Outcome outcome = run({"launch", "--workers", "1:2", "--", "/bin/true"}, place.path());
  EXPECT_EQ(outcome.status, 1);
  EXPECT_THAT(outcome.err, ::testing::HasSubstr("ended before the job's work was done"));
}

}  // namespace elastic_test
}  // namespace convoy::testing
