// Jobs of several processes on one host and on several: the same bits, failures, strangers.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include <chrono>
#include <fstream>
#include <thread>

#include "convoy/core/file.hpp"
#include "paths.hpp"
#include "system/fixtures.hpp"
#include "system/hosts.hpp"
#include "system/process.hpp"

namespace convoy::testing {
namespace group_test {

using std::chrono::milliseconds;
using ::testing::AllOf;
using ::testing::HasSubstr;
using Words = std::vector<std::string>;

Words operator+(Words left, const Words& right) {
  left.insert(left.end(), right.begin(), right.end());
  return left;
}

Words train(const std::string& job, const std::string& out, const Words& more = {}) {
  return Words{"train", job, "--out", out, "--quiet", "--set", "report.html=false"} + more;
}

Words launch(int workers, const Words& command, const Words& options = {}) {
  return Words{"launch", "--workers", std::to_string(workers)} + options + Words{"--"} + command;
}

std::string sha_of(const Workplace& place, const std::string& out, const Outcome& outcome) {
  EXPECT_EQ(outcome.status, 0) << outcome.out << outcome.err;
  return outcome.status == 0 ? place.summary(out)["weights_sha256"].get<std::string>() : "failed";
}

std::string sha_alone(const Workplace& place, const std::string& job, const Words& more = {}) {
  return sha_of(place, "alone-" + job, run(train(job, "alone-" + job, more), place.path()));
}

bool on_the_path(const std::string& program) {
  return std::system(("command -v " + program + " >/dev/null 2>&1").c_str()) == 0;
}

// Processes that work in this folder.
int processes_in(const std::filesystem::path& folder) {
  int count = 0;
  std::error_code ignored;
  for (const auto& entry : std::filesystem::directory_iterator("/proc", ignored)) {
    if (std::filesystem::read_symlink(entry.path() / "cwd", ignored) == folder) ++count;
  }
  return count;
}

TEST(Group, SameBitsForAnyWorkersReplicasAndTransports) {
  const Workplace place;
  for (const char* job : {"mlp.yaml", "cnn.yaml", "table.yaml"}) {
    const std::string expected = sha_alone(place, job);
    const auto check = [&](int workers, const char* replicas, const char* transport,
                           const char* bucket, const Words& options = {}) {
      const std::string out =
          fmt::format("{}-{}-{}-{}{}", job, workers, replicas, transport, options.size());
      const Words words =
          train(job, out,
                {"--replicas", replicas, "--set", fmt::format("strategy.transport={}", transport),
                 "--set", fmt::format("strategy.bucket={}", bucket)});
      EXPECT_EQ(sha_of(place, out, run(launch(workers, words, options), place.path())), expected)
          << out;
    };
    check(2, "1", "auto", "auto");
    check(3, "2", "tcp", "0.01");
    if (job != std::string("cnn.yaml")) continue;
    check(1, "2", "auto", "auto");
    check(4, "1", "shm", "0.01");
    check(8, "1", "tcp", "off");
    check(2, "1", "tcp", "auto", {"--encrypt", "--interface", "127.0.0.1,127.0.0.2"});
  }
}

TEST(Group, SameBitsUnderMpirun) {
  if (!on_the_path("mpirun")) GTEST_SKIP() << "mpirun is not installed";
  const Workplace place;
  const std::string expected = sha_alone(place, "cnn.yaml");
  const Words mpirun = {"mpirun", "--allow-run-as-root", "--oversubscribe", "-n"};
  for (const auto& [workers, transport] :
       {std::pair{"3", "auto"}, std::pair{"2", "mpi"}, std::pair{"4", "mpi"}}) {
    const std::string out = fmt::format("mpi-{}-{}", workers, transport);
    auto process = Process::of(
        mpirun + Words{workers, convoy::testing::program_path()} +
            train("cnn.yaml", out,
                  {"--replicas", "1", "--set", fmt::format("strategy.transport={}", transport)}),
        place.path(), "mpirun");
    EXPECT_EQ(sha_of(place, out, process.wait()), expected) << out;
    EXPECT_EQ(place.summary(out)["communication"]["transport"],
              transport == std::string("mpi") ? "mpi" : "shm");
  }
}

// srun only sets variables; so does this test. The workers of one host meet in a folder.
TEST(Group, SameBitsWithTheVariablesOfSrun) {
  const Workplace place;
  const std::string expected = sha_alone(place, "mlp.yaml");
  std::vector<std::unique_ptr<Process>> workers;
  for (const char* rank : {"2", "1", "0"}) {
    workers.push_back(std::make_unique<Process>(Process::of(
        Words{convoy::testing::program_path()} + train("mlp.yaml", "srun", {"--replicas", "1"}),
        place.path(), fmt::format("task{}", rank),
        {fmt::format("SLURM_PROCID={}", rank), fmt::format("SLURM_LOCALID={}", rank),
         "SLURM_STEP_NUM_TASKS=3", "SLURM_STEP_TASKS_PER_NODE=3", "SLURM_NODEID=0",
         fmt::format("SLURM_JOB_ID={}", ::getpid()), "SLURM_STEP_ID=0"})));
  }
  for (auto& worker : workers) EXPECT_EQ(worker->wait().status, 0) << worker->err();
  EXPECT_EQ(place.summary("srun")["weights_sha256"], expected);
}

// Waits until a run has a checkpoint; false when the process ended before.
bool wait_for_checkpoint(const Workplace& place, const std::string& out, Process& process) {
  while (!process.wait_for(milliseconds(5))) {
    std::error_code ignored;
    for (const auto& entry :
         std::filesystem::directory_iterator(place.path() / out / "checkpoints", ignored)) {
      if (entry.path().extension() == ".checkpoint") return true;
    }
  }
  return false;
}

// The process number of a worker of the launcher `parent`.
pid_t worker_of(pid_t parent, int rank) {
  const std::string wanted = fmt::format("CONVOY_RANK={}", rank);
  for (const auto& entry : std::filesystem::directory_iterator("/proc")) {
    std::ifstream status(entry.path() / "stat");
    std::string field;
    std::vector<std::string> fields;
    while (fields.size() < 4 && status >> field) fields.push_back(field);
    if (fields.size() < 4 || fields[3] != std::to_string(parent)) continue;
    std::ifstream file(entry.path() / "environ", std::ios::binary);
    for (std::string variable; std::getline(file, variable, '\0');) {
      if (variable == wanted) return static_cast<pid_t>(std::stoi(fields[0]));
    }
  }
  return -1;
}

TEST(Group, AKilledWorkerEndsTheJobWhichOtherWorkersGoOnWith) {
  const Workplace place;
  const Words longer = {"--set", "train.epochs=50"};
  const std::string expected = sha_alone(place, "cnn.yaml", longer);
  for (const char* transport : {"shm", "tcp"}) {
    const std::string out = fmt::format("killed-{}", transport);
    const Words set = longer + Words{"--set", fmt::format("strategy.transport={}", transport)};
    Process process(launch(3, train("cnn.yaml", out, set + Words{"--replicas", "1"})),
                    place.path());
    ASSERT_TRUE(wait_for_checkpoint(place, out, process)) << process.err();
    const pid_t victim = worker_of(process.pid(), 1);
    ASSERT_GT(victim, 0);
    send_signal(victim, SIGKILL);
    ASSERT_TRUE(process.wait_for(std::chrono::seconds(20)));
    const Outcome outcome = process.wait();
    EXPECT_EQ(outcome.status, 128 + SIGKILL);
    EXPECT_THAT(outcome.err, AllOf(HasSubstr("worker 1"), HasSubstr("SIGKILL")));
    // What the others met: the typed error, which names the worker.
    EXPECT_THAT(outcome.err,
                ::testing::ContainsRegex("\\[[02]\\] convoy: worker 1 (ended|is lost)"));
    EXPECT_EQ(processes_in(place.path()), 0);
    const Outcome resumed =
        run(launch(2, train("cnn.yaml", out, set + Words{"--resume", "--replicas", "1"})),
            place.path());
    EXPECT_EQ(sha_of(place, out, resumed), expected);
  }
}

TEST(Group, CtrlCWritesACheckpointOfAllWorkers) {
  const Workplace place;
  const Words longer = {"--set", "train.epochs=50", "--replicas", "1"};
  const std::string expected = sha_alone(place, "cnn.yaml", longer);
  Process process(launch(3, train("cnn.yaml", "run", longer)), place.path());
  ASSERT_TRUE(wait_for_checkpoint(place, "run", process)) << process.err();
  process.kill(SIGINT);
  ASSERT_TRUE(process.wait_for(std::chrono::seconds(20)));
  const Outcome outcome = process.wait();
  EXPECT_EQ(outcome.status, 130);
  EXPECT_THAT(outcome.err, AllOf(HasSubstr("a checkpoint is in"), HasSubstr("--resume")));
  EXPECT_EQ(processes_in(place.path()), 0);
  const Outcome resumed =
      run(launch(4, train("cnn.yaml", "run", longer + Words{"--resume"})), place.path());
  EXPECT_EQ(sha_of(place, "run", resumed), expected);
}

TEST(Group, AWrongJobIsOneLineAndStatus2) {
  const Workplace place;
  const Outcome outcome =
      run(launch(3, train("mlp.yaml", "run", {"--set", "train.lanes=many"})), place.path());
  EXPECT_EQ(outcome.status, 2);
  EXPECT_THAT(outcome.err, HasSubstr("train.lanes"));
}

TEST(Group, AnInterfaceThatIsNotThereIsOneLine) {
  const Workplace place;
  const Outcome outcome =
      run(launch(2, train("mlp.yaml", "run"), {"--interface", "nonsense7"}), place.path());
  EXPECT_EQ(outcome.status, 2);
  EXPECT_THAT(outcome.err, AllOf(HasSubstr("--interface nonsense7"), HasSubstr("lo (127.0.0.1)")));
}

TEST(Group, AJobThatSaysGlooIsToldWhatToWrite) {
  const Workplace place;
  const Outcome outcome =
      run(launch(2, train("mlp.yaml", "run", {"--set", "strategy.transport=gloo"})), place.path());
  EXPECT_EQ(outcome.status, 2);
  EXPECT_THAT(outcome.err, HasSubstr("gloo is gone: write tcp"));
}

TEST(Group, TheTimelineHasEveryWorker) {
  const Workplace place;
  const Words words = train("cnn.yaml", "run", {"--replicas", "1", "--trace", "trace.json"});
  sha_of(place, "run", run(launch(3, words), place.path()));
  const auto trace = nlohmann::json::parse(place.read("trace.json"));
  std::map<int, std::set<std::string>> activities;
  for (const auto& event : trace["traceEvents"]) {
    if (event["ph"] == "X") activities[event["pid"]].insert(event["name"]);
  }
  ASSERT_EQ(activities.size(), 3u);
  for (const auto& [worker, names] : activities) {
    for (const char* name :
         {"load", "forward", "backward", "communicate", "update", "wait", "checkpoint"})
      EXPECT_TRUE(names.contains(name)) << worker << " " << name;
  }
}

// Connects to a port of this host and says something that is not a handshake.
void knock(std::uint16_t port) {
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (::connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof(address)) == 0) {
    constexpr char nonsense[] = "GET / HTTP/1.1\r\nHost: somebody\r\n\r\n";
    [[maybe_unused]] const auto sent = ::send(fd, nonsense, sizeof(nonsense), MSG_NOSIGNAL);
  }
  ::close(fd);
}

TEST(Group, StrangersAreRefusedAndTheJobGoesOn) {
  const Workplace place;
  const Words longer = {"--set", "train.epochs=30", "--replicas", "1"};
  const std::string expected = sha_alone(place, "cnn.yaml", longer);
  const Words loud = Words{"train", "cnn.yaml", "--out", "run"} + longer;
  Process process(launch(2, loud), place.path());
  ASSERT_TRUE(wait_for_checkpoint(place, "run", process)) << process.err();
  const std::string err = process.err();
  const std::size_t at = err.find("rendezvous 127.0.0.1:");
  ASSERT_NE(at, std::string::npos) << err;
  const auto port = static_cast<std::uint16_t>(std::stoi(err.substr(at + 21)));
  for (int i = 0; i < 20; ++i) knock(port);
  const Outcome outcome = process.wait();
  EXPECT_EQ(sha_of(place, "run", outcome), expected);
  EXPECT_THAT(outcome.err, HasSubstr("refused a connection from 127.0.0.1"));
}

class GroupOfHosts : public ::testing::Test {
 protected:
  // Runs a job on hosts with that many workers each; the outcome of each launcher.
  std::vector<Outcome> run_on(const Workplace& place, const Hosts& hosts,
                              const std::vector<int>& workers, const Words& command,
                              const std::vector<std::filesystem::path>& folders = {},
                              const Words& options = {}) {
    std::vector<std::unique_ptr<Process>> launchers;
    for (std::size_t h = 0; h < workers.size(); ++h) {
      const auto words =
          Words{convoy::testing::program_path()} +
          launch(workers[h], command,
                 Words{"--hosts", std::to_string(workers.size()), "--host", std::to_string(h),
                       "--rendezvous", hosts.address(0) + ":7070"} +
                     options);
      launchers.push_back(std::make_unique<Process>(Process::of(
          hosts.on(static_cast<int>(h), words), folders.empty() ? place.path() : folders[h],
          fmt::format("host{}", h), {"CONVOY_SECRET=a secret of this test only"})));
    }
    std::vector<Outcome> outcomes;
    for (auto& launcher : launchers) outcomes.push_back(launcher->wait());
    return outcomes;
  }
};

TEST_F(GroupOfHosts, SameBitsOnTwoAndThreeHosts) {
  const Workplace place;
  const std::string expected = sha_alone(place, "cnn.yaml");
  for (const auto& workers : {std::vector{1, 1}, std::vector{2, 2}, std::vector{2, 1, 3}}) {
    Hosts hosts(static_cast<int>(workers.size()));
    if (!hosts.problem().empty()) GTEST_SKIP() << hosts.problem();
    const bool shaped = hosts.shape(200);
    const std::string out = fmt::format("hosts-{}-{}", workers.size(), workers[0]);
    const auto outcomes =
        run_on(place, hosts, workers, train("cnn.yaml", out, {"--replicas", "1"}));
    for (const Outcome& outcome : outcomes) EXPECT_EQ(outcome.status, 0) << outcome.err;
    EXPECT_EQ(sha_of(place, out, outcomes[0]), expected) << workers.size() << " hosts";
    const bool alone = workers == std::vector{1, 1};
    EXPECT_EQ(place.summary(out)["communication"]["transport"], alone ? "tcp" : "shm+tcp");
    if (!shaped) GTEST_SKIP() << "links were not shaped: the kernel lacks tc's tbf";
  }
}

TEST_F(GroupOfHosts, TwoInterfacesCarryTheMessagesOfAPair) {
  Hosts hosts(2, 2);
  if (!hosts.problem().empty()) GTEST_SKIP() << hosts.problem();
  const Workplace place;
  const Words large = {"--replicas",    "1", "--set", "model.hidden=[512,1024]", "--set",
                       "train.steps=12"};
  const std::string expected = sha_alone(place, "mlp.yaml", large);
  const auto outcomes = run_on(place, hosts, {1, 1}, train("mlp.yaml", "two", large), {},
                               {"--interface", "eth0,eth1", "--encrypt"});
  for (const Outcome& outcome : outcomes) EXPECT_EQ(outcome.status, 0) << outcome.err;
  EXPECT_EQ(sha_of(place, "two", outcomes[0]), expected);
  // In each of the 12 steps a host sends half of the weights and of the gradients, 2.2 MB each.
  for (const int host : {0, 1}) {
    for (const int network : {0, 1}) EXPECT_GT(hosts.sent(host, network), 1'000'000) << host;
    EXPECT_GT(hosts.sent(host, 0) + hosts.sent(host, 1), 24'000'000) << host;
  }
}

TEST_F(GroupOfHosts, AHostThatLacksTheDataSaysSoBeforeTraining) {
  Hosts hosts(2);
  if (!hosts.problem().empty()) GTEST_SKIP() << hosts.problem();
  const Workplace place;
  const Workplace other;
  std::filesystem::remove(other.path() / "train-images");
  const auto outcomes =
      run_on(place, hosts, {1, 2}, train("mlp.yaml", "run"), {place.path(), other.path()});
  for (const Outcome& outcome : outcomes) {
    EXPECT_EQ(outcome.status, 2) << outcome.err;
    EXPECT_THAT(outcome.err, HasSubstr("train-images"));
  }
  EXPECT_THAT(outcomes[0].err, HasSubstr("worker 1"));
  EXPECT_FALSE(std::filesystem::exists(place.path() / "run" / "metrics.jsonl"));
}

TEST_F(GroupOfHosts, HostsWithoutASharedFolderLeaveAWholeCheckpointOnTheFirst) {
  Hosts hosts(2);
  if (!hosts.problem().empty()) GTEST_SKIP() << hosts.problem();
  const Workplace place;
  const Workplace other;
  const std::string expected = sha_alone(place, "mlp.yaml");
  const Words half = {"--replicas", "1", "--set", "train.steps=27"};
  for (const Outcome& outcome :
       run_on(place, hosts, {1, 1}, train("mlp.yaml", "run", half), {place.path(), other.path()}))
    EXPECT_EQ(outcome.status, 0) << outcome.err;
  const Outcome resumed = run(train("mlp.yaml", "run", {"--resume"}), place.path());
  EXPECT_EQ(sha_of(place, "run", resumed), expected);
}

TEST_F(GroupOfHosts, AKilledHostIsNamed) {
  Hosts hosts(2);
  if (!hosts.problem().empty()) GTEST_SKIP() << hosts.problem();
  const Workplace place;
  const Words command = train("cnn.yaml", "run", {"--replicas", "1", "--set", "train.epochs=500"});
  const auto start = [&](int host) {
    return Process::of(hosts.on(host, Words{convoy::testing::program_path()} +
                                          launch(1, command,
                                                 {"--hosts", "2", "--host", std::to_string(host),
                                                  "--rendezvous", hosts.address(0) + ":7070"})),
                       place.path(), fmt::format("host{}", host),
                       {"CONVOY_SECRET=a secret of this test only"});
  };
  Process first = start(0);
  Process second = start(1);
  ASSERT_TRUE(wait_for_checkpoint(place, "run", first)) << first.err();
  const pid_t victim = worker_of(second.pid(), 1);
  ASSERT_GT(victim, 0);
  send_signal(victim, SIGKILL);
  ASSERT_TRUE(first.wait_for(std::chrono::seconds(30)));
  ASSERT_TRUE(second.wait_for(std::chrono::seconds(30)));
  EXPECT_NE(first.wait().status, 0);
  EXPECT_THAT(first.err(), HasSubstr("worker 1"));
  EXPECT_EQ(processes_in(place.path()), 0);
}

}  // namespace group_test
}  // namespace convoy::testing
