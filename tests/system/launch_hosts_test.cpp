// Several launchers of one job: as many hosts.
#include "system/launch_support.hpp"

namespace convoy::testing {
namespace launch_hosts_test {

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

}  // namespace launch_hosts_test
}  // namespace convoy::testing
