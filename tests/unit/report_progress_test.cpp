#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <pty.h>
#include <unistd.h>

#include "convoy/report/progress.hpp"
#include "report/progress_format.hpp"

namespace convoy {
namespace report_progress_test {

using Json = nlohmann::ordered_json;
using ::testing::HasSubstr;
using ::testing::Not;

ProgressState half_way() {
  ProgressState state;
  state.step = 1172;
  state.steps = 4690;
  state.epoch = 1.25;
  state.epochs = 5;
  state.has_loss = true;
  state.loss = 0.08312;
  state.samples_per_second = 52311.4;
  state.seconds_left = 48.2;
  return state;
}

std::size_t columns(const std::string& text) {
  return static_cast<std::size_t>(
      std::count_if(text.begin(), text.end(), [](char c) { return (c & 0xC0) != 0x80; }));
}

Json start_event() {
  return {{"time", 1.0},
          {"step", 0},
          {"event", "start"},
          {"run",
           {{"name", "mnist"},
            {"steps", 4690},
            {"epochs", 5},
            {"batch", 64},
            {"lanes", 8},
            {"replicas", 1},
            {"samples", 60000},
            {"parameters", 1199882},
            {"steps_per_epoch", 938}}}};
}

Json step_event(int step) {
  return {{"time", 1.0},           {"step", step}, {"event", "step"},
          {"epoch", step / 938.0}, {"loss", 0.25}, {"samples_per_second", 6400.0}};
}

TEST(ReportProgress, LiveLineSaysEverythingInAWideWindow) {
  const std::string line =
      format_live_line(half_way(), {.colour = false, .utf8 = true, .width = 100});
  EXPECT_EQ(line,
            "epoch 2/5 ━━━━━━╸────────────────────  24%  step 1172/4690  52,311 samples/s  loss "
            "0.0831  left 0:48");
  EXPECT_THAT(format_live_line(half_way(), {.colour = false, .utf8 = false, .width = 100}),
              HasSubstr("epoch 2/5 ######---------------------  24%"));
}

TEST(ReportProgress, LiveLineFitsAnyWidth) {
  for (int width = 0; width <= 150; ++width) {
    for (const bool utf8 : {false, true}) {
      const std::string line =
          format_live_line(half_way(), {.colour = false, .utf8 = utf8, .width = width});
      EXPECT_LE(columns(line), static_cast<std::size_t>(width)) << line;
    }
  }
  const std::string narrow =
      format_live_line(half_way(), {.colour = false, .utf8 = true, .width = 28});
  EXPECT_EQ(narrow, "24%  loss 0.0831  left 0:48");
}

TEST(ReportProgress, ColoursDoNotChangeTheText) {
  std::string line = format_live_line(half_way(), {.colour = true, .utf8 = true, .width = 100});
  EXPECT_THAT(line, HasSubstr("\x1b[36m"));
  for (const char* code : {"\x1b[36m", "\x1b[2m", "\x1b[0m"}) {
    for (auto at = line.find(code); at != line.npos; at = line.find(code))
      line.erase(at, std::string(code).size());
  }
  EXPECT_EQ(line, format_live_line(half_way(), {.colour = false, .utf8 = true, .width = 100}));
}

TEST(ReportProgress, DurationsAndCounts) {
  EXPECT_EQ(format_duration(0), "0:00");
  EXPECT_EQ(format_duration(59.6), "1:00");
  EXPECT_EQ(format_duration(3723), "1:02:03");
  EXPECT_EQ(format_duration(std::nan("")), "?");
  EXPECT_EQ(format_count(999), "999");
  EXPECT_EQ(format_count(1000), "1,000");
  EXPECT_EQ(format_count(1234567.4), "1,234,567");
  EXPECT_EQ(format_count(-1234), "-1,234");
  EXPECT_EQ(format_count(-123), "-123");
}

TEST(ReportProgress, EventLines) {
  const ProgressStyle plain;
  EXPECT_EQ(format_event_line({{"step", 938},
                               {"event", "evaluate"},
                               {"epoch", 1.0},
                               {"split", "validation"},
                               {"metrics", {{"loss", 0.06123}, {"accuracy", 0.98134}}},
                               {"seconds", 2.06}},
                              plain),
            "epoch 1  validation  loss 0.0612  accuracy 98.13%  (2.1 s)");
  EXPECT_EQ(format_event_line({{"step", 938},
                               {"event", "checkpoint"},
                               {"path", "checkpoints/938"},
                               {"best", true},
                               {"seconds", 0.04}},
                              plain),
            "step 938  checkpoint checkpoints/938  best so far  (0.0 s)");
  EXPECT_EQ(format_event_line({{"step", 7},
                               {"event", "skipped"},
                               {"reason", "the loss is not finite"},
                               {"lane", 3},
                               {"samples", {17, 21}}},
                              plain),
            "step 7  skipped: the loss is not finite (lane 3, samples [17,21])");
  EXPECT_EQ(
      format_event_line(
          {{"step", 4690}, {"event", "done"}, {"seconds", 90}, {"samples_per_second", 51234.5}},
          plain),
      "done: 4,690 steps in 1:30, 51,234 samples/s");
  EXPECT_EQ(format_event_line(start_event(), plain),
            "mnist: 60,000 samples, 4,690 steps, 8 lanes, 1 replica, 1,199,882 parameters");
  EXPECT_EQ(format_event_line(step_event(3), plain), "");
}

TEST(ReportProgress, EventsOfTheGroupAreSentences) {
  const auto line = [](int step, const char* kind, Json facts) {
    Json event = {{"time", 1.0}, {"step", step}, {"event", kind}};
    event.update(facts);
    return format_event_line(event, {});
  };
  EXPECT_EQ(line(120, "lost",
                 {{"worker", 2},
                  {"host", "a"},
                  {"reason", "killed by signal 9"},
                  {"generation", 3},
                  {"workers", 3}}),
            "step 120  worker 2 (host a) lost: killed by signal 9; 3 workers go on");
  EXPECT_EQ(line(120, "lost",
                 {{"worker", 2}, {"reason", "silent"}, {"workers", 1}, {"recovery_seconds", 0.2}}),
            "step 120  worker 2 lost: silent; 1 worker goes on after 200 ms");
  EXPECT_EQ(line(5, "lost", Json::object()), "step 5  a worker lost");
  EXPECT_EQ(line(120, "recovered", {{"generation", 4}, {"seconds", 1.26}}),
            "step 120  the group goes on after 1.3 s, as generation 4");
  EXPECT_EQ(
      line(260, "joined", {{"worker", 4}, {"host", "b"}, {"workers", 4}, {"from", "worker 1"}}),
      "step 260  worker 4 (host b) joined with the state of worker 1; 4 workers now");
  EXPECT_EQ(line(300, "moved",
                 {{"lanes", {{0, 0, 0, 2}, {0, 1, 2, 1}, {1, 0, 3, 5}}},
                  {"imbalance_before", 1.8},
                  {"imbalance_after", 1.049},
                  {"reason", "a replica is slow"}}),
            "step 300  lanes moved: a replica is slow; worker 0 has 3, worker 1 has 5; imbalance "
            "1.80, 1.05 expected");
  EXPECT_EQ(line(300, "moved", {{"lanes", {{0, 0, 0, 2}, {1, 0}}}}), "step 300  lanes moved");
  EXPECT_EQ(line(400, "repaired", {{"what", "weights"}, {"worker", 1}, {"text", "it differed"}}),
            "step 400  repaired weights of worker 1: it differed");
  EXPECT_EQ(line(0, "repaired", {{"what", "data"}, {"text", "x: missing"}}),
            "step 0  repaired data: x: missing");
  EXPECT_EQ(line(9, "checkpoint_failed", {{"reason", "disk full"}}),
            "step 9  checkpoint failed: disk full; training goes on");
  EXPECT_EQ(line(12, "checkpoint",
                 {{"path", "p"}, {"seconds", 0.26}, {"bytes", 12900000}, {"stall_seconds", 0.003}}),
            "step 12  checkpoint p  (0.3 s, 12.3 MiB, training waited 3.00 ms)");
  EXPECT_EQ(line(7, "novelty", {{"worker", 3}}), "step 7  novelty  worker 3");
}

TEST(ReportProgress, LossesAreRedAndGainsGreen) {
  const ProgressStyle colour{.colour = true, .utf8 = false, .width = 80};
  const Json lost = {{"step", 1}, {"event", "lost"}, {"worker", 2}};
  const Json joined = {{"step", 1}, {"event", "joined"}, {"worker", 2}};
  EXPECT_EQ(format_event_line(lost, colour), "step 1  \x1b[31mworker 2 lost\x1b[0m");
  EXPECT_EQ(format_event_line(joined, colour), "step 1  \x1b[32mworker 2 joined\x1b[0m");
}

TEST(ReportProgress, EventsWithMissingOrWrongPartsDoNotThrow) {
  for (const char* kind :
       {"start", "evaluate", "checkpoint", "skipped", "resumed", "done", "moved", "step", "lost",
        "joined", "repaired", "recovered", "checkpoint_failed"}) {
    EXPECT_NO_THROW(format_event_line({{"event", kind}}, {}));
    EXPECT_NO_THROW(format_event_line({{"event", kind},
                                       {"run", 1},
                                       {"metrics", "x"},
                                       {"best", 3},
                                       {"step", "no"},
                                       {"lanes", {1, {"a", 2, 3, 4}}},
                                       {"worker", {1}},
                                       {"workers", "x"},
                                       {"seconds", "y"}},
                                      {}));
  }
}

TEST(ReportProgress, ControlCharactersOfDataNeverReachTheTerminal) {
  const std::string line =
      format_event_line({{"event", "resumed"}, {"step", 3}, {"from", "a\x1b[2Jb\nc"}}, {});
  EXPECT_EQ(line, "resumed from a?[2Jb?c at step 3");
  EXPECT_EQ(format_event_line(
                {{"event", "lost"}, {"step", 3}, {"host", "a\x1b"}, {"reason", "b\nc"}}, {}),
            "step 3  a worker (host a?) lost: b?c");
}

std::string written_to_file(const std::vector<Json>& events) {
  std::FILE* file = std::tmpfile();
  {
    const auto observer = progress(file);
    for (const Json& event : events) observer->on_event(event);
  }
  std::string text(static_cast<std::size_t>(std::ftell(file)), '\0');
  std::rewind(file);
  text.resize(std::fread(text.data(), 1, text.size(), file));
  std::fclose(file);
  return text;
}

TEST(ReportProgress, WithoutATerminalStepsAreThrottledAndEvaluationsAreNot) {
  std::vector<Json> events{start_event()};
  for (int step = 10; step <= 1000; step += 10) events.push_back(step_event(step));
  for (int i = 0; i < 3; ++i) {
    events.push_back({{"step", 1000},
                      {"event", "evaluate"},
                      {"epoch", 1.5},
                      {"split", "test"},
                      {"metrics", {{"loss", 1.0}}}});
  }
  EXPECT_EQ(
      written_to_file(events),
      "mnist: 60,000 samples, 4,690 steps, 8 lanes, 1 replica, 1,199,882 parameters\n"
      "step 10/4690  epoch 1/5  loss 0.2500  6,400 samples/s  left 0:47\n"
      "epoch 1.5  test  loss 1.0000\nepoch 1.5  test  loss 1.0000\nepoch 1.5  test  loss 1.0000\n");
}

// Everything written to a terminal of `width` columns.
std::string written_to_terminal(unsigned short width, const std::vector<Json>& events) {
  int master = -1;
  int slave = -1;
  winsize size{};
  size.ws_col = width;
  size.ws_row = 24;
  if (::openpty(&master, &slave, nullptr, nullptr, &size) != 0) return "no terminal";
  std::FILE* stream = ::fdopen(slave, "w");
  {
    const auto observer = progress(stream);
    for (const Json& event : events) observer->on_event(event);
  }
  // With the other end closed, reading ends with an error once everything has been read.
  std::fclose(stream);
  std::string text;
  std::string part(4096, '\0');
  for (ssize_t count = 0; (count = ::read(master, part.data(), part.size())) > 0;) {
    text.append(part, 0, static_cast<std::size_t>(count));
  }
  ::close(master);
  return text;
}

TEST(ReportProgress, OnATerminalOneLiveLineIsRedrawnBelowPermanentLines) {
  ::setenv("TERM", "xterm", 1);
  ::setenv("NO_COLOR", "1", 1);
  std::vector<Json> events{start_event()};
  for (int step = 1; step <= 200; ++step) events.push_back(step_event(step));
  events.push_back({{"step", 200},
                    {"event", "evaluate"},
                    {"epoch", 1},
                    {"split", "test"},
                    {"metrics", {{"loss", 1.0}}}});
  const std::string text = written_to_terminal(60, events);
  ::unsetenv("NO_COLOR");
  EXPECT_THAT(text, HasSubstr("\r\x1b[Kepoch 1  test  loss 1.0000\r\n\r\x1b[?7lepoch 1/5"));
  EXPECT_THAT(text, Not(HasSubstr("\x1b[36m"))) << "NO_COLOR";
  EXPECT_TRUE(text.ends_with("\x1b[K\x1b[?7h\r\n")) << "the next output begins on its own line";
  std::size_t redraws = 0;
  for (auto at = text.find("\x1b[?7l"); at != text.npos; at = text.find("\x1b[?7l", at + 1))
    ++redraws;
  EXPECT_LE(redraws, 6U) << "about ten a second, not one a step";
}

TEST(ReportProgress, DoneReplacesTheLiveLine) {
  ::setenv("TERM", "xterm", 1);
  const std::string text = written_to_terminal(
      80, {start_event(), step_event(10), {{"step", 10}, {"event", "done"}, {"seconds", 1.0}}});
  EXPECT_TRUE(text.ends_with("\r\x1b[Kdone: 10 steps in 0:01\r\n")) << text;
}

}  // namespace report_progress_test
}  // namespace convoy
