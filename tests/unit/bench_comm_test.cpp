#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "bench/comm_report.hpp"
#include "bench/comm_table.hpp"
#include "bench/comm_worker.hpp"

namespace convoy::bench {
namespace bench_comm_test {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

Timing timing(double seconds) {
  return summarise({seconds, seconds, seconds}, 1);
}

CommResult two_workers() {
  return {.workers = 2,
          .starter = "mpirun -n 2",
          .contestants = {"shm", c10d_gloo, open_mpi, memory_limit},
          .notes = {"a <note>"},
          .points = {{4 << 10, {timing(2e-6), timing(90e-6), timing(1e-6), timing(1e-7)}},
                     {16 << 20, {timing(5e-3), timing(12e-3), timing(6e-3), timing(4e-3)}}}};
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
  EXPECT_THAT(rows, ElementsAre(ElementsAre("all-reduce", "Open MPI / shm", "c10d gloo / shm",
                                            "shm / memory limit"),
                                ElementsAre("4 KiB", "0.50!", "45.00", "20.00"),
                                ElementsAre("16 MiB", "1.20", "2.40", "1.25")));
  CommResult four = two_workers();
  four.workers = 4;  // the aims are for two
  EXPECT_EQ(ratio_table(four)[1][1], "0.50");
  four.contestants[0] = "gloo";
  EXPECT_TRUE(ratio_table(four).empty());
}

TEST(BenchComm, JsonHoldsEverything) {
  const CommResult result = two_workers();
  EXPECT_EQ(to_json(comm_result_from_json(to_json(result))), to_json(result));
}

TEST(BenchComm, PageIsSelfContained) {
  const std::string page = html_text(make_report("convoy bench comm", {two_workers()}));
  EXPECT_THAT(page, HasSubstr("uPlot"));
  EXPECT_THAT(page, HasSubstr("a \\u003cnote>"));
  EXPECT_EQ(page.find("src="), std::string::npos);
}

}  // namespace bench_comm_test
}  // namespace convoy::bench
