#include <gmock/gmock.h>

#include <nlohmann/json.hpp>
#include <thread>

#include "convoy/core/error.hpp"
#include "convoy/core/file.hpp"
#include "convoy/core/trace.hpp"
#include "data_support.hpp"

namespace convoy {
namespace core_trace_test {

using Json = nlohmann::json;
using std::chrono::microseconds;
using std::chrono::nanoseconds;
using ::testing::ElementsAre;

class TraceTest : public ::testing::Test {
 protected:
  Json write(const std::vector<std::string>& parts) const {
    write_trace(file_, parts);
    return Json::parse(read_text_file(file_));
  }
  static std::vector<Json> events(const Json& trace, const std::string& phase) {
    std::vector<Json> found;
    for (const Json& event : trace.at("traceEvents")) {
      if (event.at("ph") == phase) found.push_back(event);
    }
    return found;
  }
  static std::vector<Json> metadata(const Json& trace, const std::string& kind) {
    std::vector<Json> found;
    for (const Json& event : events(trace, "M")) {
      if (event.at("name") == kind) found.push_back(event);
    }
    return found;
  }
  static std::vector<std::string> names(const std::vector<Json>& list) {
    std::vector<std::string> out;
    for (const Json& event : list) out.push_back(event.at("name"));
    return out;
  }

  test::Directory directory_;
  std::filesystem::path file_ = directory_.path() / "trace.json";
  Trace::Clock::time_point start_ = Trace::Clock::now();
};

TEST_F(TraceTest, WritesCompleteEventsInMicroseconds) {
  Trace trace;
  Trace::Track& track = trace.track("replica 0");
  track.add("load", start_, start_ + nanoseconds(1500));
  track.add("forward", start_ + microseconds(2), start_ + microseconds(5), 7, 3, "lane");
  track.add("wait", start_ + microseconds(5), start_ + microseconds(6), 7);
  track.add("send", start_ + microseconds(6), start_ + microseconds(6), -1, 0, "bucket");
  const Json written = write({trace.serialise()});
  EXPECT_EQ(written.at("displayTimeUnit"), "ms");
  const std::vector<Json> list = events(written, "X");
  ASSERT_EQ(list.size(), 4u);
  EXPECT_EQ(list[0], (Json{{"ph", "X"},
                           {"pid", 0},
                           {"tid", 0},
                           {"ts", 0.0},
                           {"dur", 1.5},
                           {"cat", "data"},
                           {"name", "load"},
                           {"args", Json::object()}}));
  EXPECT_EQ(list[1].at("ts"), 2.0);
  EXPECT_EQ(list[1].at("dur"), 3.0);
  EXPECT_EQ(list[1].at("cat"), "compute");
  EXPECT_EQ(list[1].at("args"), (Json{{"step", 7}, {"lane", 3}}));
  EXPECT_EQ(list[2].at("cat"), "wait");
  EXPECT_EQ(list[2].at("args"), (Json{{"step", 7}}));
  EXPECT_EQ(list[3].at("args"), (Json{{"bucket", 0}}));
}

TEST_F(TraceTest, EventsAreOrderedAndWhatContainsOthersComesFirst) {
  Trace trace;
  Trace::Track& track = trace.track("replica 0");
  // As a program adds them: each when it ends.
  for (int step = 0; step < 3; ++step) {
    const auto at = start_ + microseconds(100 * step);
    track.add("forward", at, at + nanoseconds(33'333), step);
    track.add("backward", at + nanoseconds(33'333), at + nanoseconds(66'667), step);
    track.add("compute", at, at + nanoseconds(66'667), step);
  }
  const std::vector<Json> list = events(write({trace.serialise()}), "X");
  EXPECT_THAT(names(list), ElementsAre("compute", "forward", "backward", "compute", "forward",
                                       "backward", "compute", "forward", "backward"));
  const auto exact = [](const Json& number) { return std::llround(number.get<double>() * 1000); };
  for (std::size_t i = 0; i < list.size(); i += 3) {
    const auto begin = exact(list[i].at("ts"));
    EXPECT_EQ(exact(list[i + 1].at("ts")), begin);
    EXPECT_EQ(exact(list[i + 1].at("ts")) + exact(list[i + 1].at("dur")),
              exact(list[i + 2].at("ts")));
    EXPECT_EQ(exact(list[i + 2].at("ts")) + exact(list[i + 2].at("dur")),
              begin + exact(list[i].at("dur")));
  }
}

TEST_F(TraceTest, EachWorkerIsAProcessAndEachTrackAThread) {
  Trace first;
  Trace second;
  first.track("replica 0").add("load", start_ + microseconds(10), start_ + microseconds(20));
  first.track("network").add("send", start_ + microseconds(12), start_ + microseconds(14));
  second.track("replica 0").add("load", start_ + microseconds(15), start_ + microseconds(25));
  // Worker 1 is lost and left nothing.
  const Json written = write({first.serialise(), "", second.serialise()});
  const std::vector<Json> processes = metadata(written, "process_name");
  ASSERT_EQ(processes.size(), 3u);
  EXPECT_EQ(processes[2].at("pid"), 2);
  EXPECT_EQ(processes[2].at("args"), (Json{{"name", "worker 2"}}));
  EXPECT_EQ(metadata(written, "process_sort_index")[1].at("args"), (Json{{"sort_index", 1}}));
  const std::vector<Json> threads = metadata(written, "thread_name");
  ASSERT_EQ(threads.size(), 3u);
  EXPECT_EQ(threads[1].at("tid"), 1);
  EXPECT_EQ(threads[1].at("args"), (Json{{"name", "network"}}));
  const std::vector<Json> list = events(written, "X");
  ASSERT_EQ(list.size(), 3u);
  EXPECT_EQ(list[2].at("pid"), 2);
  // Both were made within moments of each other, so their clocks agree to well under a second.
  EXPECT_NEAR(list[2].at("ts").get<double>() - list[0].at("ts").get<double>(), 5, 5e5);
  EXPECT_GE(list[2].at("ts").get<double>(), 0);
}

TEST_F(TraceTest, TellsHowManyEventsWereDropped) {
  Trace trace(2);
  for (int i = 0; i < 5; ++i) {
    const auto at = start_ + microseconds(i);
    trace.track("replica 0").add("load", at, at + microseconds(1), i);
  }
  trace.track("replica 1").add("load", start_, start_ + microseconds(1));
  const Json written = write({trace.serialise()});
  EXPECT_EQ(events(written, "X").size(), 3u);
  EXPECT_EQ(written.at("otherData").at("dropped_events"), 3);
  const std::vector<Json> threads = metadata(written, "thread_name");
  EXPECT_EQ(threads[0].at("args").at("name"), "replica 0 (3 events dropped)");
  EXPECT_EQ(threads[1].at("args").at("name"), "replica 1");
}

TEST_F(TraceTest, NamesAreEscaped) {
  Trace trace;
  const std::string odd = "a \"b\"\t\\c\nd \xff";
  trace.track(odd).add("for\"ward\n\t", start_, start_ + microseconds(1), 1, 2, "la\"ne\t");
  const Json written = write({trace.serialise()});
  EXPECT_EQ(metadata(written, "thread_name")[0].at("args").at("name"),
            "a \"b\"\t\\c\nd \xef\xbf\xbd");
  EXPECT_EQ(events(written, "X")[0].at("name"), "for\"ward\n\t");
  EXPECT_EQ(events(written, "X")[0].at("args").at("la\"ne\t"), 2);
}

TEST_F(TraceTest, NothingIsATraceToo) {
  EXPECT_THAT(events(write({}), "X"), ElementsAre());
  const Json written = write({Trace().serialise(), ""});
  EXPECT_EQ(metadata(written, "process_name").size(), 2u);
  EXPECT_EQ(written.at("otherData").at("start_nanoseconds_since_epoch"), 0);
}

TEST_F(TraceTest, ThreadsHaveTracksOfTheirOwn) {
  Trace trace;
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] {
      Trace::Track& track = trace.track("replica " + std::to_string(t));
      EXPECT_EQ(&track, &trace.track("replica " + std::to_string(t)));
      for (int i = 0; i < 1000; ++i) track.add("load", start_, start_ + microseconds(i), i);
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(events(write({trace.serialise()}), "X").size(), 4000u);
}

TEST_F(TraceTest, DamagedPartsAndUnwritableFilesAreErrors) {
  Trace trace;
  trace.track("replica 0").add("load", start_, start_ + microseconds(1));
  const std::string part = trace.serialise();
  const std::vector<std::string> damaged_parts = {
      "rubbish",
      "-1\n",
      part + "rubbish\n",
      "0\n1\t2\t3\t4\t\"a\"\t\"b\"\n",
      "5\ntrack\t\"t\"\t0\n1\t2\t3\t4\t\"a\"\t\"b\"\n",
      "0\ntrack\tname\t0\n",
      "0\ntrack\t\"t\"\t0\n1\t2\t3\t4\t{}\t7\n",
  };
  for (const std::string& damaged : damaged_parts) {
    try {
      write_trace(file_, {part, damaged});
      ADD_FAILURE() << damaged;
    } catch (const IoError& error) {
      EXPECT_STREQ(error.what(), "the trace of worker 1 is damaged");
    }
  }
  EXPECT_THROW(write_trace(directory_.path() / "nowhere/trace.json", {part}), IoError);
  EXPECT_FALSE(std::filesystem::exists(file_));
}

}  // namespace core_trace_test
}  // namespace convoy
