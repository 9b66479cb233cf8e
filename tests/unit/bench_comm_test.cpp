#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <thread>

#include "bench/measure/comm_options.hpp"
#include "bench/measure/comm_report.hpp"
#include "bench/measure/comm_table.hpp"
#include "bench/measure/link.hpp"
#include "bench/measure/party.hpp"
#include "bench/measure/peer_channel.hpp"
#include "bench/measure/run_command.hpp"
#include "convoy/comm/group.hpp"
#include "convoy/comm/rendezvous/rendezvous.hpp"
#include "convoy/core/error.hpp"
#include "core/temporary_folder.hpp"

namespace convoy::bench {
namespace bench_comm_test {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

Timing timing(double seconds) {
  return summarise({seconds, seconds, seconds}, 1);
}

CommResult two_workers() {
  return {.workers = 2,
          .command = "convoy bench comm",
          .machine = "a machine",
          .date = "today",
          .versions = {{gloo, "PyTorch 2.13.0"}},
          .contestants = {"shm", gloo, open_mpi, memory_limit},
          .notes = {"a <note>"},
          .points = {{4 << 10,
                      {timing(2e-6), timing(90e-6), timing(1e-6), timing(1e-7)},
                      {{gloo, "1 thread"}}},
                     {16 << 20,
                      {timing(5e-3), timing(12e-3), timing(6e-3), timing(4e-3)},
                      {{gloo, "4 threads"}}}}};
}

CommResult of_tcp(double tcp, double peer, double sockets) {
  return {.workers = 4,
          .link = {.mbit = 1000, .delay = 5},
          .contestants = {"tcp", gloo, bare_sockets},
          .points = {{1024, {timing(tcp), timing(peer), timing(sockets)}, {}}}};
}

TEST(BenchComm, SizesGrowByFourAndEndWhereAsked) {
  EXPECT_THAT(sizes({.from = 4096, .to = 65536}), ElementsAre(4096, 16384, 65536));
  EXPECT_THAT(sizes({.from = 4096, .to = 20002}), ElementsAre(4096, 16384, 20000));
  EXPECT_THAT(sizes({.from = 4096, .to = 4096}), ElementsAre(4096));
}

TEST(BenchComm, TimingsAreQuantiles) {
  const Timing timing = summarise({5, 1, 2, 3, 4}, 7);
  EXPECT_EQ(timing.median, 3);
  EXPECT_EQ(timing.lower_quartile, 2);
  EXPECT_EQ(timing.upper_quartile, 4);
  EXPECT_EQ(timing.fastest, 1);
  EXPECT_EQ(timing.slowest, 5);
  EXPECT_EQ(timing.repetitions, 5);
  EXPECT_EQ(timing.operations, 7);
  EXPECT_DOUBLE_EQ(timing.spread(), 1.0 / 3);
  EXPECT_EQ(summarise({1, 2}, 1).median, 1.5);
}

TEST(BenchComm, SizesAndTimesReadWell) {
  EXPECT_EQ(size_text(4096), "4 KiB");
  EXPECT_EQ(size_text(3 << 19), "1.5 MiB");
  EXPECT_EQ(size_text(100), "100 B");
  EXPECT_EQ(time_text(1.234e-6), "1.23 µs");
  EXPECT_EQ(time_text(999.4e-6), "999 µs");
  EXPECT_EQ(time_text(999.9e-6), "1.00 ms");
  EXPECT_EQ(time_text(0.0123), "12.3 ms");
  EXPECT_EQ(time_text(2), "2.00 s");
}

TEST(BenchComm, ColumnsLineUp) {
  EXPECT_EQ(aligned({{"size", "a"}, {"4 KiB", "1 µs"}, {"1", "10 µs"}}),
            "size       a\n"
            "4 KiB   1 µs\n"
            "1      10 µs\n");
  EXPECT_EQ(markdown({{"a", "b"}, {"1", "2"}}), "| a | b |\n| --- | --: |\n| 1 | 2 |\n");
}

TEST(BenchComm, RatiosShowWhereAnAimIsMissed) {
  const auto rows = ratio_table(two_workers());
  EXPECT_THAT(rows, ElementsAre(ElementsAre("all-reduce", "Open MPI / shm", "gloo / shm",
                                            "shm / memory limit"),
                                ElementsAre("4 KiB", "0.50!", "45.00", "20.00"),
                                ElementsAre("16 MiB", "1.20", "2.40", "1.25")));
  CommResult four = two_workers();
  four.workers = 4;  // these aims are for two
  EXPECT_EQ(ratio_table(four)[1][1], "0.50");
  four.contestants[0] = "thread";
  EXPECT_TRUE(ratio_table(four).empty());
}

TEST(BenchComm, OneOfTheAimsOfTcpIsEnough) {
  EXPECT_THAT(ratio_table(of_tcp(1, 1.4, 0.5))[1], ElementsAre("1 KiB", "1.40", "0.50"));
  EXPECT_THAT(ratio_table(of_tcp(1, 1.2, 0.95))[1], ElementsAre("1 KiB", "1.20", "0.95"));
  EXPECT_THAT(ratio_table(of_tcp(1, 1.2, 0.85))[1], ElementsAre("1 KiB", "1.20!", "0.85!"));
}

TEST(BenchComm, TheExplanationHasVersionsAndSettings) {
  const auto lines = explanation(two_workers());
  EXPECT_THAT(lines, Contains("Versions: gloo: PyTorch 2.13.0."));
  EXPECT_THAT(lines, Contains(HasSubstr("1 thread (4 KiB); 4 threads (16 MiB)")));
  EXPECT_THAT(lines, Contains("a <note>"));
  CommResult same = two_workers();
  same.points[1].settings[gloo] = "1 thread";
  EXPECT_THAT(explanation(same), Contains(HasSubstr("1 thread (4 KiB to 16 MiB).")));
}

TEST(BenchComm, LinksAreReadAndWritten) {
  EXPECT_FALSE(parse_link("loopback").between_hosts());
  EXPECT_EQ(parse_link("1gbit").mbit, 1000);
  EXPECT_EQ(parse_link("0.5gbit/2.5ms"), (Link{.mbit = 500, .delay = 2.5}));
  for (const char* text : {"loopback", "300mbit", "5ms", "2000mbit/0.5ms"})
    EXPECT_EQ(to_string(parse_link(text)), text);
  EXPECT_EQ(link_text(parse_link("2gbit/5ms")), "2 Gbit/s, 5 ms delay");
  for (const char* text : {"", "fast", "gbit", "-1mbit", "1gbit/1gbit", "1gbit/", "1mbit5ms"})
    EXPECT_THROW(parse_link(text), InputError) << text;
}

TEST(BenchComm, JsonHoldsEverything) {
  for (const CommResult& result : {two_workers(), of_tcp(1, 2, 3)})
    EXPECT_EQ(to_json(comm_result_from_json(to_json(result))), to_json(result));
}

TEST(BenchComm, EarlierResultsOfOtherLinksAreKept) {
  const TemporaryFolder folder;
  CommReport report;
  add_earlier(report, folder.path());  // there are none
  report.results = {of_tcp(1, 2, 3), two_workers()};
  write_report(report, folder.path());
  CommReport later{.results = {of_tcp(4, 5, 6)}};
  add_earlier(later, folder.path());
  ASSERT_EQ(later.results.size(), 2);
  EXPECT_FALSE(later.results[0].link.between_hosts());
  EXPECT_EQ(later.results[1].points[0].timings[0].median, 4);
}

TEST(BenchComm, PageIsSelfContained) {
  const std::string page = html_text({.results = {two_workers()}});
  EXPECT_THAT(page, HasSubstr("uPlot"));
  EXPECT_THAT(page, HasSubstr("a \\u003cnote>"));
  EXPECT_EQ(page.find("src="), std::string::npos);
}

TEST(BenchComm, APeerDoesWhatItsWorkerSays) {
  const TemporaryFolder folder;
  const auto path = peer_path(folder.path(), "Some MPI", 0);
  const PeerListener listener(path);
  std::thread peer([&] {
    const auto group = make_thread_group(1);
    std::vector<Contestant> contestants(1);
    contestants[0].name = "Some MPI";
    contestants[0].parties.push_back(communicator_party(group[0], group[0]));
    const auto channel = connect_peer(path);
    channel->send("version 1");
    serve_peer(*channel, contestants);
  });
  {
    const std::shared_ptr<PeerChannel> channel =
        listener.accept(std::chrono::seconds(20), [] { return false; });
    ASSERT_TRUE(channel);
    EXPECT_EQ(channel->receive(), "version 1");
    std::vector<float> values(100);
    const auto party = peer_party(channel, "Some MPI");
    EXPECT_EQ(party->prepare(values), "");
    EXPECT_GT(party->time(values, 3), 0);
    EXPECT_THROW(peer_party(channel, "nobody")->prepare(values), Error);
  }
  peer.join();
}

TEST(BenchComm, NobodyComesIsNoticedAtOnceWhereItIsHopeless) {
  const TemporaryFolder folder;
  const PeerListener listener(folder.path() / "socket");
  EXPECT_FALSE(listener.accept(std::chrono::seconds(600), [] { return true; }));
}

TEST(BenchComm, BareSocketsSumAnySize) {
  constexpr int size = 3;
  const auto lines = make_thread_group(size);
  const Secret secret = Secret::generate();
  RendezvousServer server({.secret = secret});
  std::vector<std::thread> threads;
  for (int rank = 0; rank < size; ++rank)
    threads.emplace_back([&, rank] {
      RendezvousClient store("127.0.0.1", server.port(), secret, std::chrono::seconds(20));
      const auto party = socket_party(store, "127.0.0.1", lines[rank]);
      for (const std::size_t floats : {1U, 2U, 1000U, 100'003U}) {
        std::vector<float> values(floats);
        EXPECT_EQ(party->prepare(values), "");  // checks the sums
        EXPECT_GT(party->time(values, 2), 0);
      }
    });
  for (std::thread& thread : threads) thread.join();
}

TEST(BenchComm, ACommandThatFailsSaysWhy) {
  EXPECT_EQ(run_command({"true"}).status, 0);
  const CommandResult result = run_command({"sh", "-c", "echo no such thing >&2; exit 3"});
  EXPECT_EQ(result.status, 3);
  EXPECT_EQ(result.complaint, "no such thing");
  EXPECT_EQ(run_command({"no-such-program"}).status, 127);
}

}  // namespace bench_comm_test
}  // namespace convoy::bench
