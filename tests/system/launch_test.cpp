// Workers that are shell scripts, under the launcher: what they say, how they fail, who is left.
#include "system/launch_support.hpp"

namespace convoy::testing {
namespace launch_test {

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
  EXPECT_THAT(outcome.err, ContainsRegex("worker 1 .* failed with status 7"));
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
    cd )" + folder.path().string() +
                               R"(
    [ $CONVOY_RANK = 0 ] && { until [ -e ready1 ] && [ -e ready2 ]; do sleep 0.05; done; exit 4; }
    trap 'echo still here' TERM
    touch ready$CONVOY_RANK
    while :; do sleep 0.05; done)",
                           3);
  options.grace = 2s;  // to say so on a busy machine
  const auto start = Clock::now();
  const auto outcome = Launched(folder, options).wait();
  EXPECT_LT(Clock::now() - start, 30s);
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

TEST(LaunchCommand, StartsAProgramThatIsGivenByItsPath) {
  const Workplace place;
  const Outcome outcome = run(
      {"launch", "--workers", "2", "--", "/bin/sh", "-c", "echo $CONVOY_RANK of $CONVOY_WORKERS"},
      place.path());
  EXPECT_EQ(outcome.status, 0) << outcome.err;
  EXPECT_THAT(outcome.out, HasSubstr("[0] 0 of 2\n"));
  EXPECT_THAT(outcome.out, HasSubstr("[1] 1 of 2\n"));
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

}  // namespace launch_test
}  // namespace convoy::testing
