// Parameter servers as processes: the same bits, processes that are killed, strangers.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>

#include <chrono>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>
#include <stdexcept>
#include <thread>

#include "paths.hpp"
#include "system/fixtures.hpp"
#include "system/hosts.hpp"
#include "system/process.hpp"

namespace convoy::testing {
namespace server_test {

using namespace std::chrono_literals;
using ::testing::HasSubstr;
using ::testing::Not;
using Words = std::vector<std::string>;

Words operator+(Words left, const Words& right) {
  left.insert(left.end(), right.begin(), right.end());
  return left;
}

Words served(const std::string& consistency, int steps, int backups = 0) {
  return {"--set", "strategy.kind=parameter_server",
          "--set", "strategy.consistency=" + consistency,
          "--set", "strategy.backups=" + std::to_string(backups),
          "--set", "train.steps=" + std::to_string(steps),
          "--set", "report.every=1"};
}

Words train(const std::string& out, const Words& more) {
  return Words{"train", "mlp.yaml", "--out", out, "--quiet", "--set", "report.html=false"} + more;
}

Words launch(int workers, int servers, const Words& command) {
  return Words{"launch", "--workers", std::to_string(workers), "--servers", std::to_string(servers),
               "--"} +
         command;
}

std::string sha_of(const Workplace& place, const std::string& out) {
  return place.summary(out)["weights_sha256"];
}

std::string sha_alone(const Workplace& place, int steps) {
  const Outcome outcome =
      run(train("alone", {"--set", "train.steps=" + std::to_string(steps)}), place.path());
  EXPECT_EQ(outcome.status, 0) << outcome.err;
  return sha_of(place, "alone");
}

// The process of this folder whose words contain this one, and that number after it or anywhere.
pid_t find(const Workplace& place, const std::string& word, const std::string& environment) {
  namespace fs = std::filesystem;
  std::error_code ignored;
  const auto contains = [](const fs::path& file, const std::string& text) {
    std::ifstream in(file, std::ios::binary);
    const std::string all((std::istreambuf_iterator<char>(in)), {});
    return ('\0' + all).find('\0' + text + '\0') != std::string::npos;
  };
  for (const auto& entry : fs::directory_iterator("/proc", ignored)) {
    if (fs::read_symlink(entry.path() / "cwd", ignored) != place.path()) continue;
    using namespace std::string_literals;
    if (!contains(entry.path() / "cmdline", word)) continue;
    if (environment.empty() || contains(entry.path() / "environ", environment))
      return std::stoi(entry.path().filename().string());
  }
  return -1;
}

pid_t server(const Workplace& place, int number) {
  using namespace std::string_literals;
  return find(place, "server\0--number\0"s + std::to_string(number), "");
}

pid_t worker(const Workplace& place, int number) {
  return find(place, "train", "CONVOY_RANK=" + std::to_string(number));
}

// Until the run has told so.
bool log_has(const Workplace& place, const std::string& out, const std::string& text) {
  const auto deadline = std::chrono::steady_clock::now() + 60s;
  while (std::chrono::steady_clock::now() < deadline) {
    if (place.read(out + "/metrics.jsonl").find(text) != std::string::npos) return true;
    std::this_thread::sleep_for(5ms);
  }
  return false;
}

// Until the run has come to this step.
bool reaches(const Workplace& place, const std::string& out, int step) {
  return log_has(place, out, fmt::format("\"step\":{},", step));
}

TEST(ServerProcesses, BspHasTheBitsOfOneProcess) {
  const Workplace place;
  const std::string expected = sha_alone(place, 20);
  for (const auto& [workers, servers] : std::vector<std::pair<int, int>>{{1, 1}, {2, 2}, {3, 2}}) {
    const std::string out = fmt::format("run-{}-{}", workers, servers);
    const Outcome outcome =
        run(launch(workers, servers, train(out, served("bsp", 20) + Words{"--replicas", "1"})),
            place.path());
    ASSERT_EQ(outcome.status, 0) << outcome.err;
    EXPECT_EQ(sha_of(place, out), expected);
    EXPECT_EQ(place.summary(out)["servers"].size(), static_cast<std::size_t>(servers));
  }
}

TEST(ServerProcesses, AKilledServerWithABackupChangesNoBit) {
  const Workplace place;
  const std::string expected = sha_alone(place, 400);
  for (const int number : {0, 1}) {
    const std::string out = fmt::format("run-{}", number);
    Process job(launch(2, 2, train(out, served("bsp", 400, 1) + Words{"--replicas", "1"})),
                place.path());
    ASSERT_TRUE(reaches(place, out, 30));
    send_signal(server(place, number), SIGKILL);
    const Outcome outcome = job.wait();
    ASSERT_EQ(outcome.status, 0) << outcome.err;
    EXPECT_EQ(sha_of(place, out), expected);
    EXPECT_THAT(outcome.err, HasSubstr("takes over shard"));
  }
}

// Until the job has said so.
bool says(Process& job, const std::string& text) {
  const auto deadline = std::chrono::steady_clock::now() + 60s;
  while (std::chrono::steady_clock::now() < deadline) {
    if (job.err().find(text) != std::string::npos) return true;
    std::this_thread::sleep_for(5ms);
  }
  return false;
}

TEST(ServerProcesses, AllServersThatItBeganWithMayBeKilledOneAfterTheOther) {
  const Workplace place;
  const std::string expected = sha_alone(place, 4000);
  Process job(launch(2, 2, train("run", served("bsp", 4000, 1) + Words{"--replicas", "1"})),
              place.path());
  ASSERT_TRUE(reaches(place, "run", 30));
  for (const int number : {0, 1}) {
    send_signal(server(place, number), SIGKILL);
    for (const int part : {0, 1})
      ASSERT_TRUE(says(job, fmt::format("parameter server {}: is the backup of part {} of the "
                                        "weights now",
                                        number + 2, part)));
  }
  const Outcome outcome = job.wait();
  ASSERT_EQ(outcome.status, 0) << outcome.err;
  EXPECT_EQ(sha_of(place, "run"), expected);
  EXPECT_THAT(outcome.err, HasSubstr("convoy: parameter server 0 was killed"));
  EXPECT_THAT(
      outcome.err,
      HasSubstr("parameter server 2: started, joins as backup of part 0, 1 of the weights"));
  EXPECT_THAT(outcome.err, HasSubstr("parameter server 2: takes over shard 0 from server 1"));
}

TEST(ServerProcesses, LostOnesAreReplacedAsOftenAsRestartsSays) {
  const Workplace place;
  Process job(Words{"launch", "--workers", "1", "--servers", "2", "--restarts", "0", "--"} +
                  train("run", served("bsp", 400, 1) + Words{"--replicas", "1"}),
              place.path());
  ASSERT_TRUE(reaches(place, "run", 30));
  send_signal(server(place, 1), SIGKILL);
  const Outcome outcome = job.wait();
  ASSERT_EQ(outcome.status, 0) << outcome.err;
  EXPECT_THAT(outcome.err, Not(HasSubstr("parameter server 2")));
}

// Each step is told once, in order.
void expect_all_steps(const Workplace& place, const std::string& out, int steps) {
  std::istringstream lines(place.read(out + "/metrics.jsonl"));
  int expected = 1;
  for (std::string line; std::getline(lines, line);) {
    const auto event = nlohmann::json::parse(line);
    if (event["event"] != "step") continue;
    EXPECT_EQ(event["step"], expected++);
  }
  EXPECT_EQ(expected, steps + 1);
}

// Worker 0 keeps the run's folder, which another one takes over.
TEST(ServerProcesses, AKilledWorkerLeavesItsTasksToTheOthers) {
  const Workplace place;
  const std::string expected = sha_alone(place, 400);
  for (const auto& [consistency, victim] :
       std::vector<std::pair<std::string, int>>{{"bsp", 0}, {"ssp", 1}, {"async", 0}}) {
    Process job(
        launch(3, 2, train(consistency, served(consistency, 400) + Words{"--replicas", "1"})),
        place.path());
    ASSERT_TRUE(reaches(place, consistency, 30));
    send_signal(worker(place, victim), SIGKILL);
    const Outcome outcome = job.wait();
    ASSERT_EQ(outcome.status, 0) << outcome.err;
    EXPECT_EQ(place.summary(consistency)["steps"], 400);
    expect_all_steps(place, consistency, 400);
    EXPECT_THAT(place.read(consistency + "/metrics.jsonl"), HasSubstr("\"event\":\"lost\""));
    if (consistency == "bsp") {
      EXPECT_EQ(sha_of(place, consistency), expected);
    }
  }
}

// A worker and a server that hang, as in a frozen container.
TEST(ServerProcesses, StoppedOnesAreTakenForLost) {
  const Workplace place;
  const std::string expected = sha_alone(place, 1500);
  Process job(Words{"launch", "--workers", "2", "--servers", "2", "--lost-after", "2", "--"} +
                  train("run", served("bsp", 1500, 1) + Words{"--replicas", "1"}),
              place.path());
  ASSERT_TRUE(reaches(place, "run", 30));
  send_signal(worker(place, 0), SIGSTOP);
  ASSERT_TRUE(says(job, "sent no heartbeat for too long (--lost-after): it is killed"));
  ASSERT_TRUE(log_has(place, "run", "\"event\":\"lost\""));
  send_signal(server(place, 1), SIGSTOP);
  ASSERT_TRUE(says(job, "parameter server 1 was killed by signal 9"));
  const Outcome outcome = job.wait();
  ASSERT_EQ(outcome.status, 0) << outcome.err;
  EXPECT_EQ(sha_of(place, "run"), expected);
  EXPECT_THAT(outcome.err, HasSubstr("takes over shard"));
  expect_all_steps(place, "run", 1500);
}

Words elastic(const std::string& workers, const Words& more, const Words& command) {
  return Words{"launch", "--workers", workers} + more + Words{"--"} + command;
}

TEST(ServerProcesses, OfMinToMaxWorkersLostOnesAreStartedAnew) {
  const Workplace place;
  const std::string expected = sha_alone(place, 1500);
  Process job(elastic("1:2", {"--servers", "1"},
                      train("run", served("bsp", 1500) + Words{"--replicas", "1"})),
              place.path());
  ASSERT_TRUE(reaches(place, "run", 30));
  send_signal(worker(place, 0), SIGKILL);
  ASSERT_TRUE(says(job, "worker 0 is started anew (1 of 10 restarts)"));
  ASSERT_TRUE(log_has(place, "run", "\"event\":\"joined\""));
  send_signal(worker(place, 1), SIGKILL);  // which coordinates the run now
  const Outcome outcome = job.wait();
  ASSERT_EQ(outcome.status, 0) << outcome.err;
  EXPECT_EQ(sha_of(place, "run"), expected);
  expect_all_steps(place, "run", 1500);
}

TEST(ServerProcesses, WithoutAWorkerThereIsNoJob) {
  const Workplace place;
  for (const std::string workers : {"1", "1:1"}) {
    Process job(
        elastic(workers, {"--servers", "1", "--restarts", "0", "--grace", "1"},
                train("run", served("async", 100000) + Words{"--replicas", "1", "--overwrite"})),
        place.path());
    ASSERT_TRUE(reaches(place, "run", 10));
    send_signal(worker(place, 0), SIGKILL);
    const Outcome outcome = job.wait();
    EXPECT_EQ(outcome.status, 1) << outcome.err;
    EXPECT_THAT(outcome.err, HasSubstr("worker 0 was killed by signal 9")) << workers;
    std::filesystem::remove(place.path() / "run/metrics.jsonl");
  }
}

// Those that the job began with go, and others come.
TEST(ServerProcesses, WorkersAndServersJoinAndLeave) {
  const Workplace place;
  const std::string expected = sha_alone(place, 3000);
  const std::vector<std::string> secret = {"CONVOY_SECRET=a secret of this test only"};
  const Words meet = {"--rendezvous", "127.0.0.1:17072"};
  const Words command = train("run", served("bsp", 3000, 1) + Words{"--replicas", "1"});
  const auto launcher = [&](const Words& words) {
    return Process::of(Words{convoy::testing::program_path()} + words, place.path(),
                       "launcher" + words[2], secret);
  };
  Process job = launcher(elastic("1", meet + Words{"--servers", "2"}, command));
  ASSERT_TRUE(reaches(place, "run", 30)) << job.err();
  Process joins = launcher(elastic("2", meet + Words{"--join", "--servers", "1"}, command));
  ASSERT_TRUE(log_has(place, "run", "\"event\":\"joined\",\"epoch\""));
  send_signal(worker(place, 0), SIGUSR1);
  send_signal(server(place, 0), SIGUSR1);
  EXPECT_TRUE(says(job, "parameter server 0: leaves"));
  EXPECT_TRUE(log_has(place, "run", "\"event\":\"lost\""));
  const Outcome joined = joins.wait();
  const Outcome outcome = job.wait();
  EXPECT_EQ(outcome.status, 0) << outcome.err;
  EXPECT_EQ(joined.status, 0) << joined.err;
  EXPECT_EQ(sha_of(place, "run"), expected);
  expect_all_steps(place, "run", 3000);
  EXPECT_THAT(joined.err, HasSubstr("parameter server 2: started, joins as backup of part 0"));
}

TEST(ServerProcesses, WithoutABackupALostServerEndsTheJobWithOneLine) {
  const Workplace place;
  Process job(launch(2, 2, train("run", served("async", 100000) + Words{"--replicas", "1"})),
              place.path());
  ASSERT_TRUE(reaches(place, "run", 10));
  send_signal(server(place, 1), SIGKILL);
  const Outcome outcome = job.wait();
  EXPECT_NE(outcome.status, 0);
  EXPECT_THAT(outcome.err, HasSubstr("a parameter server was lost, and with it part 1 of the "
                                     "weights; strategy.backups: 1"));
}

TEST(ServerProcesses, ServersGoWithTheJob) {
  const Workplace place;
  Process job(launch(2, 2, train("run", served("async", 100000) + Words{"--replicas", "1"})),
              place.path());
  ASSERT_TRUE(reaches(place, "run", 5));
  ASSERT_GT(server(place, 0), 0);
  job.kill(SIGTERM);
  const Outcome outcome = job.wait();
  EXPECT_EQ(outcome.status, 130) << outcome.err;
  EXPECT_EQ(server(place, 0), -1);
  EXPECT_EQ(server(place, 1), -1);
}

// A launcher on each host: a worker and a server there, over TCP with CURVE.
TEST(ServerProcesses, OfTwoHostsHaveTheSameBitsAlsoWhenOneIsKilled) {
  Hosts hosts(2);
  if (!hosts.problem().empty()) GTEST_SKIP() << hosts.problem();
  const Workplace place;
  const std::string expected = sha_alone(place, 400);
  for (const std::string victim : {"none", "server", "worker"}) {
    std::vector<std::unique_ptr<Process>> launchers;
    for (int h = 0; h < 2; ++h) {
      const Words words = Words{convoy::testing::program_path(),
                                "launch",
                                "--workers",
                                "1",
                                "--servers",
                                "1",
                                "--hosts",
                                "2",
                                "--host",
                                std::to_string(h),
                                "--rendezvous",
                                hosts.address(0) + ":7071",
                                "--"} +
                          train(victim, served("bsp", 400, 1) + Words{"--replicas", "1"});
      launchers.push_back(std::make_unique<Process>(
          Process::of(hosts.on(h, words), place.path(), fmt::format("host{}", h),
                      {"CONVOY_SECRET=a secret of this test only"})));
    }
    ASSERT_TRUE(reaches(place, victim, 30));
    if (victim == "server") send_signal(server(place, 1), SIGKILL);
    if (victim == "worker") send_signal(worker(place, 1), SIGKILL);
    for (const auto& launcher : launchers) {
      const Outcome outcome = launcher->wait();
      EXPECT_EQ(outcome.status, 0) << victim << "\n" << outcome.err;
    }
    EXPECT_EQ(sha_of(place, victim), expected) << victim;
  }
}

}  // namespace server_test
}  // namespace convoy::testing
