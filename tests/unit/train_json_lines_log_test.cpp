#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "convoy/core/error.hpp"
#include "convoy/core/file.hpp"
#include "convoy/train/observer.hpp"
#include "core/temporary_folder.hpp"

namespace convoy {
namespace train_json_lines_log_test {

using Json = nlohmann::ordered_json;
using ::testing::HasSubstr;

class ReportJsonLinesLog : public ::testing::Test {
 protected:
  void write(const std::string& text) { std::ofstream(file_, std::ios::binary) << text; }
  std::string text() { return read_text_file(file_); }

  TemporaryFolder temporary_;
  std::filesystem::path directory_ = temporary_.path();
  std::filesystem::path file_ = directory_ / "metrics.jsonl";
};

Json event(int step, const char* kind) {
  return {{"time", 1.5}, {"step", step}, {"event", kind}};
}

TEST_F(ReportJsonLinesLog, EachEventButStartIsALineAtOnce) {
  const auto log = json_lines_log(file_);
  log->on_event(event(0, "start"));
  EXPECT_EQ(text(), "");
  log->on_event(event(10, "step"));
  EXPECT_EQ(text(), "{\"time\":1.5,\"step\":10,\"event\":\"step\"}\n");
  log->on_event(event(20, "done"));
  EXPECT_THAT(text(), HasSubstr("\n{\"time\":1.5,\"step\":20,\"event\":\"done\"}\n"));
}

TEST_F(ReportJsonLinesLog, NotANumberAndBrokenTextStayJson) {
  Json odd = event(1, "step");
  odd["loss"] = std::nan("");
  odd["reason"] = "caf\xe9";
  json_lines_log(file_)->on_event(odd);
  const auto read_back = Json::parse(text());
  EXPECT_TRUE(read_back["loss"].is_null());
  EXPECT_EQ(read_back["reason"], "caf\xef\xbf\xbd");
}

TEST_F(ReportJsonLinesLog, ANewRunStartsAnew) {
  write("{\"step\":5,\"event\":\"step\"}\n");
  json_lines_log(file_)->on_event(event(1, "step"));
  EXPECT_EQ(text(), "{\"time\":1.5,\"step\":1,\"event\":\"step\"}\n");
}

TEST_F(ReportJsonLinesLog, ResumingDropsLaterStepsAndTheIncompleteLastLine) {
  write(
      "{\"step\":10,\"event\":\"step\"}\n{\"step\":20,\"event\":\"checkpoint\"}\n{\"step\":30,"
      "\"event\":\"step\"}\n"
      "{\"step\":15,\"eve");
  const auto log = json_lines_log(file_, 20);
  EXPECT_EQ(text(), "{\"step\":10,\"event\":\"step\"}\n{\"step\":20,\"event\":\"checkpoint\"}\n");
  log->on_event(event(20, "resumed"));
  EXPECT_TRUE(
      text().ends_with("{\"step\":20,\"event\":\"checkpoint\"}\n{\"time\":1.5,\"step\":20,"
                       "\"event\":\"resumed\"}\n"));
}

TEST_F(ReportJsonLinesLog, ResumingDropsAnIncompleteLineEvenIfItReadsAsJson) {
  write("{\"step\":10,\"event\":\"step\"}\n{\"step\":11,\"event\":\"step\"}");
  json_lines_log(file_, 20);
  EXPECT_EQ(text(), "{\"step\":10,\"event\":\"step\"}\n");
}

TEST_F(ReportJsonLinesLog, ResumingDropsLinesThatAreNoEvents) {
  write(std::string(8, '\0') + "\n{\"step\":10,\"event\":\"step\"}\n[1]\n{\"step\":\"x\"}\n\n");
  json_lines_log(file_, 20);
  EXPECT_EQ(text(), "{\"step\":10,\"event\":\"step\"}\n");
}

TEST_F(ReportJsonLinesLog, ResumingWithoutAFileBeginsOne) {
  json_lines_log(file_, 20)->on_event(event(21, "step"));
  EXPECT_EQ(text(), "{\"time\":1.5,\"step\":21,\"event\":\"step\"}\n");
}

TEST_F(ReportJsonLinesLog, AnotherWorkerGoesOnInTheMiddle) {
  const auto line = [](int step, const char* kind) { return event(step, kind).dump() + "\n"; };
  const std::string kept =
      line(10, "step") + line(19, "evaluate") + line(20, "lost") + line(20, "moved");
  write(line(10, "step") + line(19, "evaluate") + line(20, "step") + line(20, "lost") +
        line(20, "checkpoint") + line(20, "moved") + line(21, "step") + line(22, "joined") +
        line(20, "evaluate") + "{\"time\":1.5,\"step\":20,\"event\":\"repaired\"}");
  const auto log = continue_json_lines_log(file_, 20);
  EXPECT_EQ(text(), kept);
  log->on_event(event(20, "recovered"));
  log->on_event(event(20, "step"));
  EXPECT_EQ(text(), kept + line(20, "recovered") + line(20, "step"));
}

TEST_F(ReportJsonLinesLog, GoingOnAtTheFirstStepKeepsWhatHappenedBeforeIt) {
  write("{\"step\":0,\"event\":\"joined\"}\n{\"step\":1,\"event\":\"step\"}\n");
  continue_json_lines_log(file_, 0);
  EXPECT_EQ(text(), "{\"step\":0,\"event\":\"joined\"}\n");
  std::filesystem::remove(file_);
  continue_json_lines_log(file_, 5)->on_event(event(5, "step"));
  EXPECT_EQ(text(), "{\"time\":1.5,\"step\":5,\"event\":\"step\"}\n");
}

TEST_F(ReportJsonLinesLog, TellsHowFarItHasCome) {
  EXPECT_FALSE(logged_progress(file_));
  write(
      "{\"time\":10.0,\"step\":0,\"event\":\"joined\"}\nno event\n"
      "{\"time\":11.5,\"step\":4,\"event\":\"skipped\"}\n"
      "{\"time\":12.5,\"step\":3,\"event\":\"step\"}\n{\"time\":13.0,\"st");
  const auto logged = logged_progress(file_);
  ASSERT_TRUE(logged);
  EXPECT_EQ(logged->step, 4);
  EXPECT_EQ(logged->skipped, 1);
  EXPECT_EQ(logged->seconds, 2.5);
  EXPECT_EQ(logged->time, 12.5);
}

TEST_F(ReportJsonLinesLog, TellsWhoHasComeAndGoneSinceATime) {
  EXPECT_TRUE(logged_changes(file_, 0).empty());
  write(
      "{\"time\":10.0,\"step\":4,\"event\":\"joined\",\"worker\":2}\n"
      "{\"time\":10.5,\"step\":4,\"event\":\"step\"}\nno event\n"
      "{\"time\":11.0,\"step\":5,\"event\":\"lost\",\"worker\":2}\n"
      "{\"time\":11.0,\"step\":5,\"event\":\"joined\",\"worker\":3}\n{\"time\":12.0,\"ev");
  using Changes = std::set<std::pair<std::string, int>>;
  EXPECT_EQ(logged_changes(file_, 0), (Changes{{"joined", 2}, {"lost", 2}, {"joined", 3}}));
  EXPECT_EQ(logged_changes(file_, 10.0), (Changes{{"lost", 2}, {"joined", 3}}))
      << "later, not then";
  EXPECT_TRUE(logged_changes(file_, 11.0).empty());
}

TEST_F(ReportJsonLinesLog, AFullDiskIsOneClearLine) {
  const auto log = json_lines_log("/dev/full");
  try {
    log->on_event(event(1, "step"));
    FAIL();
  } catch (const IoError& error) {
    EXPECT_STREQ(error.what(),
                 "/dev/full: cannot write: No space left on device; free some space, then go on "
                 "with --resume");
  }
}

TEST_F(ReportJsonLinesLog, AnUnwritablePlaceIsAnIoError) {
  EXPECT_THROW(json_lines_log(directory_ / "missing" / "metrics.jsonl"), IoError);
  EXPECT_THROW(json_lines_log(directory_), IoError);
}

}  // namespace train_json_lines_log_test
}  // namespace convoy
