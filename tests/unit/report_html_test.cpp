#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <torch/types.h>

#include <cmath>
#include <fstream>

#include "convoy/core/error.hpp"
#include "convoy/core/file.hpp"
#include "convoy/report/html.hpp"
#include "convoy/train/sample_predictions.hpp"
#include "core/base64.hpp"
#include "core/temporary_folder.hpp"
#include "report/run_data.hpp"

namespace convoy {
namespace report_html_test {

using Json = nlohmann::ordered_json;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

class ReportHtml : public ::testing::Test {
 protected:
  void write(const char* name, const std::string& text) {
    std::ofstream(run_ / name, std::ios::binary) << text;
  }
  std::string page() {
    write_html_report(run_);
    return read_text_file(run_ / "report.html");
  }

  TemporaryFolder temporary_;
  std::filesystem::path run_ = temporary_.path();
};

std::size_t occurrences(const std::string& text, const std::string& what) {
  std::size_t times = 0;
  for (auto at = text.find(what); at != text.npos; at = text.find(what, at + what.size())) ++times;
  return times;
}

TEST_F(ReportHtml, AFolderWithoutARunIsAnInputError) {
  try {
    write_html_report(run_);
    FAIL();
  } catch (const InputError& error) {
    EXPECT_THAT(error.what(), HasSubstr("no run here"));
  }
  EXPECT_THROW(write_html_report(run_ / "missing"), InputError);
}

TEST_F(ReportHtml, ThePageIsOneFileThatAsksForNothing) {
  write("summary.json", R"({"name": "mnist", "final": {"test_accuracy": 0.99}})");
  const std::string text = page();
  EXPECT_THAT(text, HasSubstr("<title>mnist</title>"));
  EXPECT_THAT(text, HasSubstr("default-src 'none'"));
  EXPECT_THAT(text, Not(HasSubstr("src=\"")));
  EXPECT_THAT(text, Not(HasSubstr("<link")));
  EXPECT_THAT(text, Not(HasSubstr("{{"))) << "every part of the skeleton is filled in";
  EXPECT_THAT(text, HasSubstr("Permission is hereby granted")) << "the licence of uPlot";
  EXPECT_THAT(text, HasSubstr("var uPlot="));
}

TEST_F(ReportHtml, TextFromDataCannotBecomeMarkup) {
  const std::string hostile = "</script><script>alert(1)</script><!--{{script}}";
  write("summary.json", Json({{"name", hostile}, {"class_names", {hostile, "b"}}}).dump());
  write("job.yaml", "name: " + hostile + "\n");
  write("metrics.jsonl", Json({{"step", 1}, {"event", "lost"}, {"worker", hostile}}).dump() + "\n");
  const std::string text = page();
  EXPECT_THAT(text, HasSubstr("<title>&lt;/script&gt;&lt;script&gt;alert(1)"));
  EXPECT_THAT(text, Not(HasSubstr("<script>alert")));
  EXPECT_EQ(occurrences(text, "</script>"), 3U);
  EXPECT_EQ(occurrences(text, "{{script}}"), 6U)
      << "placeholders in data stay data: title, name, class, job, event and its line";
}

TEST_F(ReportHtml, AnUnfinishedRunHasAReport) {
  write("metrics.jsonl",
        "{\"time\":10,\"step\":1,\"event\":\"step\",\"loss\":2.5}\n{\"time\":11,\"step\":2,"
        "\"event\":\"st");
  const Json record = read_run_data(run_);
  EXPECT_EQ(record["finished"], false);
  EXPECT_EQ(record["curves"]["loss"].dump(), R"({"x":[1.0],"y":[2.5]})");
  EXPECT_THAT(page(), HasSubstr("<title>" + run_.filename().string() + "</title>"));
}

TEST_F(ReportHtml, TheRecordGathersEvents) {
  write(
      "metrics.jsonl",
      R"({"time":1,"step":1,"event":"step","loss":2,"rate":0.1,"gradient_norm":null,"seconds":{"load":1,"forward":3}}
{"time":2,"step":2,"event":"step","loss":"NaN","seconds":{"load":2,"forward":5}}
{"time":3,"step":2,"event":"evaluate","split":"test","metrics":{"loss":1.5,"confusion_matrix":[[1,0],[0,1]]}}
{"time":4,"step":3,"event":"step","loss":7}
{"time":5,"step":2,"event":"resumed","from":"checkpoints/2"}
{"time":6,"step":3,"event":"step","loss":1}
not json
[1, 2]
{"step":"x","event":"step"}
)");
  const Json record = read_run_data(run_);
  EXPECT_EQ(record["curves"]["loss"].dump(), R"({"x":[1.0,3.0],"y":[2.0,1.0]})")
      << "the step done again counts";
  EXPECT_FALSE(record["curves"].contains("gradient_norm"));
  EXPECT_EQ(record["seconds"].dump(), R"({"forward":4.0,"load":1.5})");
  EXPECT_EQ(record["evaluated"].dump(), R"({"test":{"loss":{"x":[2.0],"y":[1.5]}}})");
  EXPECT_EQ(record["latest"]["test"]["confusion_matrix"].dump(), "[[1,0],[0,1]]");
  ASSERT_EQ(record["events"].size(), 1U);
  EXPECT_EQ(record["events"][0]["from"], "checkpoints/2");
  EXPECT_EQ(record["started"], 1.0);
  EXPECT_EQ(record["last"], 6.0);
}

TEST_F(ReportHtml, EventsOfTheGroupAreOnThePageInWords) {
  write("metrics.jsonl", R"({"time":1,"step":0,"event":"step","loss":2}
{"time":2,"step":12,"event":"lost","worker":2,"host":"a","reason":"killed by signal 9","workers":3}
{"time":2.2,"step":12,"event":"recovered","generation":3,"seconds":0.183}
{"time":3,"step":30,"event":"joined","worker":4,"host":"b","workers":4,"from":"worker 1"}
{"time":4,"step":40,"event":"moved","lanes":[[0,0,0,3],[1,0,3,5]],"imbalance_before":1.8,"imbalance_after":1.05,"reason":"a replica is slow"}
{"time":5,"step":50,"event":"repaired","what":"weights","worker":1,"text":"the digest differed"}
{"time":6,"step":60,"event":"checkpoint_failed","reason":"disk full"}
)");
  const std::string text = page();
  for (const char* line :
       {"worker 2 (host a) lost: killed by signal 9; 3 workers go on",
        "the group goes on after 183 ms, as generation 3",
        "worker 4 (host b) joined with the state of worker 1; 4 workers now",
        "lanes moved: a replica is slow; worker 0 has 3, worker 1 has 5; imbalance 1.80, 1.05 "
        "expected",
        "repaired weights of worker 1: the digest differed",
        "checkpoint failed: disk full; training goes on"}) {
    EXPECT_THAT(text, HasSubstr(std::string("\"line\":\"") + line + '"'));
  }
}

TEST_F(ReportHtml, BalanceIsGatheredByStep) {
  write(
      "metrics.jsonl",
      R"({"step":10,"event":"step","balance":{"imbalance":1.5,"lanes":[4,4],"lane_seconds":[0.1,0.2]}}
{"step":20,"event":"step","loss":1}
{"step":30,"event":"step","balance":{"imbalance":1.1,"lanes":[5,3],"lane_seconds":[0.1,0.2]}}
{"step":30,"event":"step","balance":{"imbalance":1.2,"lanes":[5,2,1]}}
{"step":40,"event":"step","balance":{"imbalance":"x","lanes":[8]}}
{"step":50,"event":"step","balance":{"imbalance":1,"lanes":["8"]}}
{"step":60,"event":"step","balance":[1]}
)");
  EXPECT_EQ(read_run_data(run_)["balance"].dump(),
            R"({"x":[10.0,30.0],"imbalance":[1.5,1.2],"lanes":[[4.0,4.0],[5.0,2.0,1.0]],)"
            R"("lane_seconds":[[0.1,0.2],[]]})");
  EXPECT_NO_THROW(page());
}

TEST_F(ReportHtml, ALongBalanceShowsItsWorstSteps) {
  std::string lines;
  for (int step = 1; step <= 5000; ++step) {
    const Json balance = {{"imbalance", step == 3333 ? 9.0 : 1.0}, {"lanes", {4, 4}}};
    lines += Json({{"step", step}, {"event", "step"}, {"balance", balance}}).dump() + "\n";
  }
  write("metrics.jsonl", lines);
  const Json balance = read_run_data(run_)["balance"];
  ASSERT_EQ(balance["x"].size(), 1000U);
  const auto worst = std::find(balance["imbalance"].begin(), balance["imbalance"].end(), 9.0);
  ASSERT_NE(worst, balance["imbalance"].end());
  EXPECT_EQ(balance["x"][static_cast<std::size_t>(worst - balance["imbalance"].begin())], 3333.0);
}

TEST_F(ReportHtml, WithoutBalanceThereIsNone) {
  write("metrics.jsonl", "{\"step\":1,\"event\":\"step\",\"loss\":1}\n");
  EXPECT_FALSE(read_run_data(run_).contains("balance"));
}

TEST_F(ReportHtml, FilesThatAreNotJsonAreNamed) {
  write("summary.json", "{\"name\": ");
  try {
    write_html_report(run_);
    FAIL();
  } catch (const DataError& error) {
    EXPECT_THAT(error.what(), HasSubstr("summary.json: is not a JSON object"));
  }
}

TEST_F(ReportHtml, DeepNestingIsCutOff) {
  const std::string deep = std::string(100000, '[') + std::string(100000, ']');
  write("summary.json", "{\"name\": \"deep\", \"environment\": " + deep + "}");
  write("metrics.jsonl", "{\"step\":1,\"event\":\"lost\",\"worker\":" + deep + "}\n");
  EXPECT_LT(page().size(), 200000U);
}

TEST_F(ReportHtml, OnlyTheLastEventsAreShown) {
  std::string lines;
  for (int step = 1; step <= 1500; ++step)
    lines += Json({{"step", step}, {"event", "checkpoint"}}).dump() + "\n";
  write("metrics.jsonl", lines);
  const Json record = read_run_data(run_);
  EXPECT_EQ(record["events"].size(), 1000U);
  EXPECT_EQ(record["events"][0]["step"], 501);
  EXPECT_EQ(record["events_left_out"], 500);
}

TEST(ReportCurve, ThinningKeepsEndsAndExtremes) {
  Curve curve;
  for (int i = 0; i < 100001; ++i) {
    curve.x.push_back(i);
    curve.y.push_back(std::sin(i / 5000.0));
  }
  curve.y[31415] = 50;
  curve.y[27182] = -50;
  const Curve thinned = thin(curve, 2000);
  EXPECT_LE(thinned.x.size(), 2000U);
  EXPECT_GT(thinned.x.size(), 1900U);
  EXPECT_EQ(thinned.x.front(), 0);
  EXPECT_EQ(thinned.x.back(), 100000);
  EXPECT_TRUE(std::is_sorted(thinned.x.begin(), thinned.x.end()));
  EXPECT_EQ(*std::max_element(thinned.y.begin(), thinned.y.end()), 50);
  EXPECT_EQ(*std::min_element(thinned.y.begin(), thinned.y.end()), -50);
  for (std::size_t i = 1; i < thinned.x.size(); ++i)
    EXPECT_LT(thinned.x[i] - thinned.x[i - 1], 250) << "evenly spread";
}

TEST(ReportCurve, ShortCurvesStayWhole) {
  const Curve curve{{1, 2, 3}, {5, 6, 7}};
  EXPECT_EQ(thin(curve, 4).y, curve.y);
  EXPECT_TRUE(thin({}, 4).x.empty());
}

TEST(ReportCurve, TheMovingMeanOfALineIsTheLine) {
  Curve line;
  for (int i = 0; i < 500; ++i) {
    line.x.push_back(i);
    line.y.push_back(3.0 * i + (i % 2 == 0 ? 1 : -1));
  }
  const Curve mean = moving_mean(line);
  for (std::size_t i = 1; i + 1 < 500; ++i)
    EXPECT_NEAR(mean.y[i], 3.0 * static_cast<double>(i), 0.5);
  EXPECT_TRUE(moving_mean({}).y.empty());
}

class ReportSamples : public ReportHtml {
 protected:
  Json samples(const DataSpec& spec, const Batch& batch, const torch::Tensor& outputs) {
    write_samples(run_, spec, batch, outputs);
    return Json::parse(read_text_file(run_ / "samples.json"));
  }
};

TEST_F(ReportSamples, ImagesAreScaledTogether) {
  DataSpec spec;
  spec.feature_shape = {1, 1, 2};
  spec.outputs = 2;
  spec.class_names = {"cat", "dog"};
  const Batch batch{torch::tensor({-1.0F, 0.0F, 1.0F, 0.0F}).view({2, 1, 1, 2}),
                    torch::tensor({0, 1}, torch::kLong),
                    {7, 9}};
  const Json described = samples(spec, batch, torch::tensor({{2.0F, 0.0F}, {3.0F, 0.0F}}));
  EXPECT_EQ(described["image"].dump(), R"({"height":1,"width":2,"channels":1})");
  const Json& first = described["samples"][0];
  EXPECT_EQ(first["sample"], 7);
  EXPECT_EQ(first["target"], "cat");
  EXPECT_EQ(first["prediction"], "cat");
  EXPECT_NEAR(first["confidence"], 0.8808, 1e-4);
  EXPECT_EQ(first["correct"], true);
  EXPECT_EQ(first["image"], encode_base64(std::string("\x00\x7f", 2)));
  EXPECT_EQ(described["samples"][1]["correct"], false);
  EXPECT_EQ(described["samples"][1]["image"], encode_base64("\xff\x7f"));
}

TEST_F(ReportSamples, ColoursAreInterleavedAndLargeImagesAveraged) {
  DataSpec spec;
  spec.feature_shape = {3, 192, 96};
  spec.outputs = 2;
  torch::Tensor image = torch::zeros({1, 3, 192, 96});
  image[0][0] = 1;
  const Batch batch{image, torch::Tensor(), {0}};
  const Json described = samples(spec, batch, torch::zeros({1, 2}));
  EXPECT_EQ(described["image"].dump(), R"({"height":96,"width":48,"channels":3})");
  EXPECT_THAT(described["samples"][0]["image"].get<std::string>(),
              ::testing::StartsWith(encode_base64(std::string("\xff\x00\x00", 3))));
  EXPECT_FALSE(described["samples"][0].contains("target")) << "no target: predicting new data";
}

TEST_F(ReportSamples, TablesNameTheirFeatures) {
  DataSpec spec;
  spec.task = Task::binary;
  spec.feature_shape = {2};
  spec.outputs = 1;
  spec.class_names = {"no", "yes"};
  spec.feature_names = {"age", "weight"};
  const Batch batch{torch::tensor({{1.5F, NAN}}), torch::tensor({{1.0F}}), {3}};
  const Json described = samples(spec, batch, torch::tensor({{-2.0F}}));
  EXPECT_EQ(described["features"].dump(), R"(["age","weight"])");
  EXPECT_EQ(described["samples"][0]["features"].dump(), "[1.5,null]");
  EXPECT_EQ(described["samples"][0]["target"], "yes");
  EXPECT_EQ(described["samples"][0]["prediction"], "no");
}

TEST_F(ReportSamples, OutputsThatAreNotNumbersHaveNoPrediction) {
  DataSpec spec;
  spec.feature_shape = {4};
  spec.outputs = 2;
  const Batch batch{torch::full({1, 4}, NAN), torch::tensor({1}, torch::kLong), {0}};
  const Json sample = samples(spec, batch, torch::tensor({{NAN, 1.0F}}))["samples"][0];
  EXPECT_TRUE(sample["prediction"].is_null());
  EXPECT_EQ(sample["correct"], false);
  EXPECT_FALSE(sample.contains("features"));
}

TEST_F(ReportSamples, RegressionKeepsNumbers) {
  DataSpec spec;
  spec.task = Task::regression;
  spec.feature_shape = {1};
  spec.feature_names = {"x"};
  spec.outputs = 2;
  const Batch batch{torch::tensor({{1.0F}}), torch::tensor({{1.0F, 2.0F}}), {5}};
  const Json sample = samples(spec, batch, torch::tensor({{1.5F, NAN}}))["samples"][0];
  EXPECT_EQ(sample.dump(),
            R"({"sample":5,"target":[1.0,2.0],"prediction":[1.5,null],"features":[1.0]})");
}

TEST_F(ReportSamples, RowsThatDoNotMatchAreAnInputError) {
  DataSpec spec;
  spec.feature_shape = {2};
  spec.outputs = 2;
  const Batch batch{torch::zeros({2, 2}), torch::zeros({2}, torch::kLong), {0, 1}};
  EXPECT_THROW(write_samples(run_, spec, batch, torch::zeros({3, 2})), InputError);
}

}  // namespace report_html_test
}  // namespace convoy
