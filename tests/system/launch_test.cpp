// Workers that are shell scripts, under the launcher: what they say, how they fail, who is left.
#include <fcntl.h>
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <functional>
#include <memory>
#include <sstream>
#include <thread>

#include "convoy/comm/rendezvous.hpp"
#include "elastic/launcher.hpp"
#include "system/fixtures.hpp"
#include "system/process.hpp"

namespace convoy::testing {
namespace {

using namespace std::chrono_literals;
using ::testing::AllOf;
using ::testing::ContainsRegex;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;
using Clock = std::chrono::steady_clock;

class Folder {
 public:
  Folder() {
    std::string name = (std::filesystem::temp_directory_path() / "convoy-launch-XXXXXX").string();
    path_ = ::mkdtemp(name.data());
  }
  ~Folder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  std::filesystem::path operator/(const std::string& file) const { return path_ / file; }
  std::string read(const std::string& file) const {
    std::ifstream in(path_ / file);
    std::ostringstream text;
    text << in.rdbuf();
    return text.str();
  }

 private:
  std::filesystem::path path_;
};

LaunchOptions of_script(const std::string& script, int workers) {
  LaunchOptions options;
  options.program = "/bin/sh";
  options.arguments = {"sh", "-c", script};
  options.workers = workers;
  return options;
}

// A launcher in a process of its own.
class Launched {
 public:
  Launched(const Folder& folder, LaunchOptions options, std::string name = "launcher")
      : folder_(folder), name_(std::move(name)) {
    const std::string out = folder_ / (name_ + ".out"), err = folder_ / (name_ + ".err");
    std::fflush(nullptr);  // what is buffered is ours to say
    pid_ = ::fork();
    if (pid_ != 0) return;
    ::dup2(::open(out.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644), 1);
    ::dup2(::open(err.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644), 2);
    int status = 99;
    try {
      status = launch(options);
    } catch (const std::exception& error) {
      const std::string text = std::string(error.what()) + "\n";
      [[maybe_unused]] const auto written = ::write(2, text.data(), text.size());
    }
    ::_exit(status);
  }
  ~Launched() {
    if (pid_ < 0) return;
    kill(SIGKILL);
    ::waitpid(pid_, nullptr, 0);
  }
  Launched(const Launched&) = delete;
  Launched& operator=(const Launched&) = delete;

  void kill(int signal) const { ::kill(pid_, signal); }
  Outcome wait() {
    int status = 0;
    ::waitpid(pid_, &status, 0);
    pid_ = -1;
    return {WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status), out(), err()};
  }
  std::string out() const { return folder_.read(name_ + ".out"); }
  std::string err() const { return folder_.read(name_ + ".err"); }

 private:
  const Folder& folder_;
  std::string name_;
  pid_t pid_;
};

bool comes_true(const std::function<bool()>& condition, std::chrono::milliseconds patience = 20s) {
  const auto deadline = Clock::now() + patience;
  while (!condition()) {
    if (Clock::now() >= deadline) return false;
    std::this_thread::sleep_for(5ms);
  }
  return true;
}

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream in(text);
  for (std::string line; std::getline(in, line);) lines.push_back(line);
  return lines;
}

std::size_t count_of(const std::string& text, const std::string& part) {
  std::size_t count = 0;
  for (std::size_t at = 0; (at = text.find(part, at)) != std::string::npos; ++at) ++count;
  return count;
}

// The processes whose ids are the lines of this text and that still run.
int alive(const std::string& pids) {
  int count = 0;
  for (const std::string& pid : lines_of(pids)) {
    std::ifstream stat("/proc/" + pid + "/stat");
    std::string line;
    if (std::getline(stat, line) && line.substr(line.rfind(')') + 2, 1) != "Z") ++count;
  }
  return count;
}

std::uint16_t free_port() {
  return RendezvousServer({"127.0.0.1", 0, Secret::generate(), {}}).port();
}

LaunchOptions of_host(int host, std::uint16_t port, const std::string& script, int workers) {
  LaunchOptions options = of_script(script, workers);
  options.hosts = 2;
  options.host = host;
  options.rendezvous = Endpoint{"127.0.0.1", port};
  options.secret = Secret("the secret of two hosts");
  options.wait = 20s;
  return options;
}

TEST(Launch, LinesArePassedOnWholeWithTheirRank) {
  const Folder folder;
  const auto outcome = Launched(folder, of_script(R"(
    for i in 1 2 3 4 5; do
      printf "from $CONVOY_RANK "; printf "error " >&2; sleep 0.01; echo "line $i"; echo "$i" >&2
    done
    printf 'no end')",
                                                  3))
                           .wait();
  EXPECT_EQ(outcome.status, 0) << outcome.err;
  const auto lines = lines_of(outcome.out);
  EXPECT_EQ(lines.size(), 18u) << outcome.out;
  for (int rank = 0; rank < 3; ++rank) {
    const std::string r = std::to_string(rank);
    std::string of_rank;
    for (const std::string& line : lines)
      if (line.starts_with("[" + r + "] ")) of_rank += line.substr(4) + "\n";
    std::string expected;
    for (int i = 1; i <= 5; ++i) expected += "from " + r + " line " + std::to_string(i) + "\n";
    EXPECT_EQ(of_rank, expected + "no end\n");
  }
  EXPECT_EQ(count_of(outcome.err, "] error 3\n"), 3u) << outcome.err;
  EXPECT_THAT(outcome.err, ContainsRegex("^convoy: 3 workers on this host; rendezvous 127.0.0.1:"));
}

TEST(Launch, LongLinesOfManyWorkersAreNotMixed) {
  const Folder folder;
  const auto outcome = Launched(folder, of_script(R"(
    line=$(head -c 20000 /dev/zero | tr '\0' "$CONVOY_RANK")
    for i in 1 2 3 4 5 6 7 8; do echo "$line"; done)",
                                                  6))
                           .wait();
  EXPECT_EQ(outcome.status, 0);
  const auto lines = lines_of(outcome.out);
  EXPECT_EQ(lines.size(), 48u);
  for (const std::string& line : lines)
    EXPECT_EQ(line, fmt::format("[{}] {}", line.at(1), std::string(20000, line[1])));
}

TEST(Launch, WorkersKnowTheirPlaceAndTheSecret) {
  const Folder folder;
  ::setenv("CONVOY_SECRET", "not for the workers of this job", 1);
  const auto outcome = Launched(folder, of_script(R"(
    echo "$CONVOY_RANK/$CONVOY_WORKERS $CONVOY_LOCAL_RANK/$CONVOY_LOCAL_WORKERS"
    echo "host $CONVOY_HOST/$CONVOY_HOSTS at $CONVOY_RENDEZVOUS ${CONVOY_SECRET-unset}"
    echo secret $(wc -c </proc/self/fd/$CONVOY_SECRET_FD)
    echo input: $(cat).)",
                                                  2))
                           .wait();
  ::unsetenv("CONVOY_SECRET");
  EXPECT_EQ(outcome.status, 0) << outcome.err;
  EXPECT_THAT(outcome.out, AllOf(HasSubstr("[0] 0/2 0/2\n"), HasSubstr("[1] 1/2 1/2\n"),
                                 ContainsRegex("host 0/1 at 127.0.0.1:[0-9]+ unset\n"),
                                 HasSubstr("[1] secret 64\n"), HasSubstr("[0] input: .\n")));
}

TEST(Launch, TheFirstFailureIsNamedAndTheOthersStopped) {
  const Folder folder;
  const auto start = Clock::now();
  const auto outcome = Launched(folder, of_script(R"(
    echo $$ >>)" + (folder / "pids").string() + R"(
    if [ $CONVOY_RANK = 1 ]; then sleep 0.2; echo "convoy: the disk is full" >&2; exit 3; fi
    sleep 60 & wait)",
                                                  4))
                           .wait();
  EXPECT_LT(Clock::now() - start, 10s);
  EXPECT_EQ(outcome.status, 3);
  EXPECT_THAT(
      outcome.err,
      ContainsRegex("convoy: worker 1 .host 0, pid [0-9]+. failed with status 3: the disk is "
                    "full\n$"));
  EXPECT_EQ(alive(folder.read("pids")), 0);
}

TEST(Launch, ALostPeerIsAConsequenceOfTheFailureThatFollows) {
  const Folder folder;
  const auto outcome = Launched(folder, of_script(R"(
    case $CONVOY_RANK in
      0) exit 75;;
      1) sleep 0.5; exit 7;;
      *) sleep 60;;
    esac)",
                                                  3))
                           .wait();
  EXPECT_EQ(outcome.status, 7);
  EXPECT_THAT(outcome.err, ContainsRegex("worker 1 .* failed with status 7; the others"));
}

TEST(Launch, WithoutAnotherCauseTheFirstLossIsIt) {
  const Folder folder;
  const auto outcome =
      Launched(folder,
               of_script("[ $CONVOY_RANK = 2 ] && { echo lost >&2; exit 75; }; sleep 60", 3))
          .wait();
  EXPECT_EQ(outcome.status, 75);
  EXPECT_THAT(outcome.err, ContainsRegex("worker 2 .* failed with status 75: lost"));
}

TEST(Launch, AKilledWorkerIsNamedWithItsSignal) {
  const Folder folder;
  const auto outcome =
      Launched(folder, of_script("[ $CONVOY_RANK = 2 ] && kill -9 $$; sleep 60", 3)).wait();
  EXPECT_EQ(outcome.status, 137);
  EXPECT_THAT(outcome.err, ContainsRegex("worker 2 .host 0, pid [0-9]+. was killed by signal 9 "
                                         ".SIGKILL.; the others were stopped"));
}

TEST(Launch, WhoIgnoresTermIsKilledAfterTheGrace) {
  const Folder folder;
  auto options = of_script(R"(
    echo $$ >>)" + (folder / "pids").string() +
                               R"(
    [ $CONVOY_RANK = 0 ] && { sleep 0.2; exit 4; }
    trap 'echo still here' TERM
    while :; do sleep 0.05; done)",
                           3);
  options.grace = 300ms;
  const auto start = Clock::now();
  const auto outcome = Launched(folder, options).wait();
  EXPECT_LT(Clock::now() - start, 5s);
  EXPECT_EQ(outcome.status, 4);
  EXPECT_EQ(count_of(outcome.out, "still here"), 2u) << outcome.out;
  EXPECT_EQ(alive(folder.read("pids")), 0);
}

TEST(Launch, WhatAWorkerStartedDoesNotOutliveIt) {
  const Folder folder;
  const auto outcome =
      Launched(folder,
               of_script("sleep 60 & echo $! >>" + (folder / "pids").string() + "; exit 0", 2))
          .wait();
  EXPECT_EQ(outcome.status, 0);
  EXPECT_TRUE(comes_true([&] { return alive(folder.read("pids")) == 0; }));
}

TEST(Launch, AKilledLauncherLeavesNoWorker) {
  const Folder folder;
  Launched launcher(folder,
                    of_script("echo $$ >>" + (folder / "pids").string() + "; exec sleep 60", 4));
  ASSERT_TRUE(comes_true([&] { return alive(folder.read("pids")) == 4; }));
  launcher.kill(SIGKILL);
  EXPECT_TRUE(comes_true([&] { return alive(folder.read("pids")) == 0; }, 2s));
}

constexpr const char* writes_a_checkpoint = R"(
  trap 'sleep 0.3; echo checkpoint; exit 130' TERM
  echo ready
  while :; do sleep 0.02; done)";

TEST(Launch, CtrlCLetsWorkersWriteTheirCheckpoint) {
  for (const int signal : {SIGINT, SIGTERM}) {
    const Folder folder;
    auto options = of_script(writes_a_checkpoint, 3);
    options.grace = 50ms;
    Launched launcher(folder, options);
    ASSERT_TRUE(comes_true([&] { return count_of(launcher.out(), "ready") == 3; }));
    launcher.kill(signal);
    const auto outcome = launcher.wait();
    EXPECT_EQ(outcome.status, 130);
    EXPECT_EQ(count_of(outcome.out, "checkpoint"), 3u) << outcome.out << outcome.err;
    EXPECT_THAT(outcome.err, Not(HasSubstr("failed")));
  }
}

TEST(Launch, ASecondCtrlCKills) {
  const Folder folder;
  Launched launcher(folder, of_script("trap '' TERM; echo ready; while :; do sleep 0.05; done", 2));
  ASSERT_TRUE(comes_true([&] { return count_of(launcher.out(), "ready") == 2; }));
  launcher.kill(SIGINT);
  ASSERT_TRUE(comes_true([&] { return count_of(launcher.err(), "again to kill") == 1; }));
  const auto start = Clock::now();
  launcher.kill(SIGINT);
  EXPECT_EQ(launcher.wait().status, 130);
  EXPECT_LT(Clock::now() - start, 3s);
}

TEST(Launch, AProgramThatCannotBeStarted) {
  const Folder folder;
  auto options = of_script("", 3);
  options.program = folder / "none";
  const auto outcome = Launched(folder, options).wait();
  EXPECT_EQ(outcome.status, 99);
  EXPECT_THAT(outcome.err, HasSubstr("/none: No such file or directory"));
}

TEST(Launch, WorkersTalkWhileStrangersConnect) {
  const Folder folder;
  Launched launcher(folder, of_script("while [ ! -e " + (folder / "go").string() +
                                          " ]; do sleep 0.02; done; echo went on",
                                      2));
  ASSERT_TRUE(comes_true([&] { return count_of(launcher.err(), "rendezvous") == 1; }));
  std::string address = launcher.err();
  address = address.substr(address.rfind(' ') + 1);
  address.pop_back();
  const Endpoint at = parse_endpoint(address);
  for (int i = 0; i < 5; ++i)
    EXPECT_THROW(RendezvousClient(at.host, at.port, Secret("a guess of the secret"), 20s),
                 AuthenticationError);
  std::ofstream(folder / "go") << "";
  const auto outcome = launcher.wait();
  EXPECT_EQ(outcome.status, 0);
  EXPECT_EQ(count_of(outcome.out, "went on"), 2u);
  EXPECT_THAT(outcome.err, AllOf(HasSubstr("refused a connection from 127.0.0.1: wrong secret"),
                                 Not(HasSubstr("a guess of the secret"))));
}

TEST(LaunchOnHosts, RanksAreContiguousPerHost) {
  const Folder folder;
  const std::string script =
      "echo $CONVOY_RANK/$CONVOY_WORKERS host $CONVOY_HOST local $CONVOY_LOCAL_RANK";
  const std::uint16_t port = free_port();
  Launched second(folder, of_host(1, port, script, 3), "second");
  Launched first(folder, of_host(0, port, script, 2), "first");
  const auto a = first.wait(), b = second.wait();
  EXPECT_EQ(a.status, 0) << a.err;
  EXPECT_EQ(b.status, 0) << b.err;
  EXPECT_THAT(a.out, AllOf(HasSubstr("[0] 0/5 host 0 local 0\n"), HasSubstr("[1] 1/5 host 0")));
  EXPECT_THAT(b.out, AllOf(HasSubstr("[2] 2/5 host 1 local 0\n"), HasSubstr("[4] 4/5 host 1")));
  EXPECT_THAT(b.err, HasSubstr("host 1 of 2: 3 workers of 5 (from rank 2) on this host"));
}

TEST(LaunchOnHosts, WithoutNumbersTheyAreGiven) {
  const Folder folder;
  const std::uint16_t port = free_port();
  auto options = of_host(0, port, "echo rank $CONVOY_RANK", 1);
  options.host.reset();
  Launched first(folder, options, "first"), second(folder, options, "second");
  const std::string out = first.wait().out + second.wait().out;
  EXPECT_THAT(out, AllOf(HasSubstr("[0] rank 0\n"), HasSubstr("[1] rank 1\n")));
}

TEST(LaunchOnHosts, AFailureOnOneStopsBothAndBothNameIt) {
  const Folder folder;
  const std::string script = R"(
    [ $CONVOY_RANK = 2 ] && { sleep 0.3; echo "out of cheese" >&2; exit 9; }
    trap 'exit 75' TERM
    while :; do sleep 0.02; done)";
  for (const bool server_fails : {false, true}) {
    // Host 0 has ranks 0 and 1 or 0 to 2; the launcher that starts first serves.
    const std::uint16_t port = free_port();
    Launched first(folder, of_host(0, port, script, server_fails ? 3 : 2), "first");
    Launched second(folder, of_host(1, port, script, 2), "second");
    for (const auto& outcome : {first.wait(), second.wait()}) {
      EXPECT_EQ(outcome.status, 9) << outcome.err;
      EXPECT_THAT(outcome.err,
                  ContainsRegex("convoy: worker 2 .host ., pid [0-9]+. failed with status 9: "
                                "out of cheese\n$"));
    }
  }
}

TEST(LaunchOnHosts, ConsequencesElsewhereDoNotHideTheCause) {
  const Folder folder;
  const std::string script = R"(
    case $CONVOY_RANK in
      0) exit 75;;
      1) sleep 0.7; kill -9 $$;;
    esac)";
  const std::uint16_t port = free_port();
  Launched first(folder, of_host(0, port, script, 1), "first");
  Launched second(folder, of_host(1, port, script, 1), "second");
  for (const auto& outcome : {first.wait(), second.wait()}) {
    EXPECT_EQ(outcome.status, 137) << outcome.err;
    EXPECT_THAT(outcome.err, ContainsRegex("worker 1 .host 1, .*was killed by signal 9"));
  }
}

// Until the launcher of `of_host` that came first serves, and the hosts of `keys` have registered.
bool serves(std::uint16_t port, const std::vector<std::string>& keys = {}) {
  return comes_true([&] {
    try {
      return RendezvousClient("127.0.0.1", port, Secret("the secret of two hosts"), 5s).check(keys);
    } catch (const Error&) {
      return false;
    }
  });
}

// What the launcher that is left says when the other one is killed.
std::string survivor_says(bool kill_the_server) {
  const Folder folder;
  const std::string script = "echo $$ >>" + (folder / "pids").string() + "; exec sleep 60";
  const std::uint16_t port = free_port();
  Launched server(folder, of_host(0, port, script, 2), "server");
  EXPECT_TRUE(serves(port));
  Launched client(folder, of_host(1, port, script, 2), "client");
  EXPECT_TRUE(comes_true([&] { return alive(folder.read("pids")) == 4; }));
  (kill_the_server ? server : client).kill(SIGKILL);
  const auto outcome = (kill_the_server ? client : server).wait();
  EXPECT_EQ(outcome.status, 1);
  EXPECT_TRUE(comes_true([&] { return alive(folder.read("pids")) == 0; }));
  return outcome.err;
}

TEST(LaunchOnHosts, ALauncherThatDiesEndsTheJob) {
  EXPECT_THAT(survivor_says(false), HasSubstr("convoy: host 1 is lost: its launcher was killed"));
  EXPECT_THAT(survivor_says(true), HasSubstr("convoy: lost the rendezvous at 127.0.0.1:"));
}

TEST(LaunchOnHosts, CtrlCOnOneStopsBoth) {
  const Folder folder;
  const std::uint16_t port = free_port();
  Launched first(folder, of_host(0, port, writes_a_checkpoint, 2), "first");
  Launched second(folder, of_host(1, port, writes_a_checkpoint, 2), "second");
  ASSERT_TRUE(comes_true([&] { return count_of(first.out() + second.out(), "ready") == 4; }));
  second.kill(SIGINT);
  for (const auto& outcome : {first.wait(), second.wait()}) {
    EXPECT_EQ(outcome.status, 130) << outcome.err;
    EXPECT_EQ(count_of(outcome.out, "checkpoint"), 2u);
    EXPECT_THAT(outcome.err, HasSubstr("convoy: interrupted on host 1\n"));
  }
}

TEST(LaunchOnHosts, AnotherSecretIsRefusedAndTheJobGoesOn) {
  const Folder folder;
  const std::uint16_t port = free_port();
  Launched first(folder, of_host(0, port, "echo done", 1), "first");
  auto options = of_host(1, port, "echo done", 1);
  options.secret = Secret("another secret of a host");
  ASSERT_TRUE(serves(port));
  const auto refused = Launched(folder, options, "refused").wait();
  EXPECT_EQ(refused.status, 99);
  EXPECT_THAT(refused.err, AllOf(HasSubstr("this worker's secret differs from the job's"),
                                 Not(HasSubstr("another secret of a host"))));
  Launched second(folder, of_host(1, port, "echo done", 1), "second");
  const auto outcome = first.wait();
  EXPECT_EQ(outcome.status, 0) << outcome.err;
  EXPECT_THAT(outcome.err, HasSubstr("refused a connection from 127.0.0.1: wrong secret"));
  EXPECT_EQ(second.wait().status, 0);
}

TEST(LaunchOnHosts, DisagreementsAreSaid) {
  const Folder folder;
  const std::uint16_t port = free_port();
  auto options = of_host(0, port, "echo done", 1);
  options.wait = 3s;
  Launched alone(folder, options, "alone");
  ASSERT_TRUE(serves(port, {"launch/workers/0"}));
  EXPECT_THAT(Launched(folder, options, "same").wait().err, HasSubstr("--host 0: that number is"));
  options.hosts = 3;
  EXPECT_THAT(Launched(folder, options, "three").wait().err, HasSubstr("--hosts 3 here, but"));
  EXPECT_THAT(alone.wait().err, HasSubstr("1 of 2 hosts came within 3 s; missing: host 1"));
}

TEST(LaunchCommand, SaysWhatIsWrongInOneLine) {
  const Workplace place;
  const auto says = [&](std::vector<std::string> words) {
    words.insert(words.begin(), "launch");
    const Outcome outcome = run(words, place.path());
    EXPECT_EQ(outcome.status, 2) << outcome.err;
    EXPECT_EQ(count_of(outcome.err, "\n"), 1u) << outcome.err;
    return outcome.err;
  };
  EXPECT_THAT(says({}), HasSubstr("put -- before what the workers run"));
  EXPECT_THAT(says({"--workers", "2", "train", "mlp.yaml", "--out", "x"}), HasSubstr("put --"));
  EXPECT_THAT(says({"--workers", "2", "--"}), HasSubstr("nothing after --"));
  EXPECT_THAT(says({"--", "evaluate", "run"}), HasSubstr("'evaluate' cannot be launched"));
  EXPECT_THAT(says({"--worker", "2", "--", "train", "x"}), HasSubstr("--worker is no option"));
  EXPECT_THAT(says({"--worker=2", "--", "train", "x"}), HasSubstr("--worker=2 is no option"));
  EXPECT_THAT(says({"--workers", "0", "--", "train", "x"}), HasSubstr("--workers"));
  EXPECT_THAT(says({"--hosts", "2", "--", "train", "x"}), HasSubstr("--rendezvous HOST:PORT"));
  EXPECT_THAT(says({"--hosts", "2", "--host", "2", "--", "train", "x"}), HasSubstr("0 to 1"));
  EXPECT_THAT(says({"--rendezvous", "0.0.0.0:1", "--", "train", "x"}), HasSubstr("reach it"));
  EXPECT_THAT(says({"--hosts", "2", "--rendezvous", "h:1", "--", "train", "x"}),
              HasSubstr("--make-secret FILE"));
}

TEST(LaunchCommand, MakesASecret) {
  const Workplace place;
  EXPECT_EQ(run({"launch", "--make-secret", "secret"}, place.path()).status, 0);
  struct stat status {};
  ASSERT_EQ(::stat((place.path() / "secret").c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0600u);
  const Outcome again = run({"launch", "--make-secret", "secret"}, place.path());
  EXPECT_EQ(again.status, 2);
  EXPECT_THAT(again.err, HasSubstr("there already"));
}

TEST(LaunchCommand, AWrongJobIsSaidOnce) {
  const Workplace place;
  const Outcome outcome =
      run({"launch", "--workers", "3", "--", "train", "none.yaml", "--quiet"}, place.path());
  EXPECT_EQ(outcome.status, 2) << outcome.err;
  EXPECT_LE(count_of(outcome.err, "none.yaml"), 2u) << outcome.err;  // the worker's, and the cause
  EXPECT_THAT(outcome.err, ContainsRegex("convoy: worker . .* failed with status 2: none.yaml"));
}

}  // namespace
}  // namespace convoy::testing
