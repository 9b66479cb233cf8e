#include <gtest/gtest.h>
#include <torch/types.h>

#include <cmath>

#include "convoy/core/error.hpp"
#include "convoy/metric/metrics.hpp"

// The golden numbers are scikit-learn 1.2.1's for the same data, in double.
namespace convoy {
namespace metric_test {

constexpr double kExact = 1e-12;
constexpr float kNaN = std::numeric_limits<float>::quiet_NaN();

DataSpec spec_of(Task task, std::int64_t outputs) {
  DataSpec spec;
  spec.task = task;
  spec.outputs = outputs;
  return spec;
}

// Knuth's 64-bit congruential generator: the same numbers in the script that made the golden
// values.
std::vector<double> numbers(std::size_t count) {
  std::uint64_t state = 12345;
  std::vector<double> result(count);
  for (double& value : result) {
    state = state * 6364136223846793005ULL + 1442695040888963407ULL;
    value = static_cast<double>(state >> 33) / 2147483648.0;
  }
  return result;
}

// Logits whose largest entry is the wanted prediction.
torch::Tensor logits_for(const std::vector<std::int64_t>& predictions, std::int64_t classes) {
  torch::Tensor logits = torch::zeros({static_cast<std::int64_t>(predictions.size()), classes});
  for (std::size_t i = 0; i < predictions.size(); ++i) {
    logits[static_cast<std::int64_t>(i)][predictions[i]] = 1;
  }
  return logits;
}

TEST(ReportMetrics, ClassificationMatchesScikitLearn) {
  const auto u = numbers(200 * 5);
  torch::Tensor logits = torch::empty({200, 4});
  torch::Tensor target = torch::empty({200}, torch::kLong);
  for (std::int64_t i = 0; i < 200; ++i) {
    const auto at = static_cast<std::size_t>(i * 5);
    const auto truth = static_cast<std::int64_t>(u[at] * 4);
    target[i] = truth;
    for (std::int64_t c = 0; c < 4; ++c) {
      logits[i][c] = static_cast<float>(u[at + 1 + static_cast<std::size_t>(c)] * 4) +
                     (c == truth ? 1.0F : 0.0F);
    }
  }
  DataSpec spec = spec_of(Task::classification, 4);
  spec.class_names = {"ash", "oak", "elm", "yew"};
  const auto metrics = compute_metrics(spec, logits, target);
  EXPECT_NEAR(metrics.at("accuracy"), 0.47, kExact);
  EXPECT_NEAR(metrics.at("precision"), 0.47717470760233915, kExact);
  EXPECT_NEAR(metrics.at("recall"), 0.4720345801897094, kExact);
  EXPECT_NEAR(metrics.at("f1"), 0.4716331354218276, kExact);
  EXPECT_NEAR(metrics.at("roc_auc"), 0.7327886528027511, kExact);
  EXPECT_EQ(metrics.at("confusion_matrix").dump(),
            "[[21,9,6,8],[16,20,10,5],[7,6,26,8],[13,15,3,27]]");
  const auto& yew = metrics.at("per_class").at(3);
  EXPECT_EQ(yew.at("class"), "yew");
  EXPECT_NEAR(yew.at("precision"), 0.5625, kExact);
  EXPECT_NEAR(yew.at("recall"), 0.46551724137931033, kExact);
  EXPECT_NEAR(yew.at("f1"), 0.5094339622641509, kExact);
  EXPECT_EQ(yew.at("support"), 58);
  EXPECT_FALSE(metrics.contains("invalid_outputs"));
}

TEST(ReportMetrics, MacroAveragesCountClassesThatOccurAndDivideByZeroAsZero) {
  const auto logits = logits_for({0, 1, 1, 1, 0, 3}, 5);
  const auto target = torch::tensor({0, 0, 1, 1, 2, 0}, torch::kLong);
  const auto metrics = compute_metrics(spec_of(Task::classification, 5), logits, target);
  EXPECT_NEAR(metrics.at("accuracy"), 0.5, kExact);
  EXPECT_NEAR(metrics.at("precision"), 0.29166666666666663, kExact);
  EXPECT_NEAR(metrics.at("recall"), 1.0 / 3, kExact);
  EXPECT_NEAR(metrics.at("f1"), 0.3, kExact);
  EXPECT_FALSE(metrics.contains("roc_auc")) << "classes 3 and 4 never occur in the truth";
  EXPECT_EQ(metrics.at("per_class").at(4).at("class"), "4");
}

TEST(ReportMetrics, BinaryMatchesScikitLearn) {
  const auto u = numbers(300 * 2);
  torch::Tensor logits = torch::empty({300, 1});
  torch::Tensor target = torch::empty({300, 1});
  for (std::int64_t i = 0; i < 300; ++i) {
    const auto at = static_cast<std::size_t>(i * 2);
    const int truth = u[at] < 0.3;
    target[i][0] = truth;
    logits[i][0] = std::floor((u[at + 1] - 0.6 + 0.3 * truth) * 20) / 4;
  }
  const auto metrics = compute_metrics(spec_of(Task::binary, 1), logits, target);
  EXPECT_NEAR(metrics.at("accuracy"), 0.6966666666666667, kExact);
  EXPECT_NEAR(metrics.at("precision"), 0.49166666666666664, kExact);
  EXPECT_NEAR(metrics.at("recall"), 0.6629213483146067, kExact);
  EXPECT_NEAR(metrics.at("f1"), 0.5645933014354066, kExact);
  EXPECT_NEAR(metrics.at("roc_auc"), 0.7766920496299057, kExact);
  EXPECT_EQ(metrics.at("confusion_matrix").dump(), "[[150,61],[30,59]]");
  EXPECT_EQ(metrics.at("per_class").size(), 2U);
  const auto curve = metrics.at("roc_curve").get<std::vector<std::array<double, 2>>>();
  EXPECT_EQ(curve.front(), (std::array<double, 2>{0, 0}));
  EXPECT_EQ(curve.back(), (std::array<double, 2>{1, 1}));
  EXPECT_EQ(curve[1], (std::array<double, 2>{0, 23.0 / 89}))
      << "points on a straight line are left out";
}

TEST(ReportMetrics, RocCurveKeepsTwoHundredPointsAtMost) {
  const auto u = numbers(20000 * 2);
  torch::Tensor logits = torch::empty({20000, 1});
  torch::Tensor target = torch::empty({20000, 1});
  auto* score = logits.data_ptr<float>();
  auto* truth = target.data_ptr<float>();
  for (std::size_t i = 0; i < 20000; ++i) {
    truth[i] = u[2 * i] < 0.5 ? 0.0F : 1.0F;
    score[i] = static_cast<float>(u[2 * i + 1]) + 0.3F * truth[i];
  }
  const auto metrics = compute_metrics(spec_of(Task::binary, 1), logits, target);
  const auto curve = metrics.at("roc_curve").get<std::vector<std::array<double, 2>>>();
  ASSERT_LE(curve.size(), 200U);
  EXPECT_GT(curve.size(), 100U);
  double area = 0;
  for (std::size_t i = 1; i < curve.size(); ++i) {
    EXPECT_GE(curve[i][0], curve[i - 1][0]);
    EXPECT_GE(curve[i][1], curve[i - 1][1]);
    area += (curve[i][0] - curve[i - 1][0]) * (curve[i][1] + curve[i - 1][1]) / 2;
  }
  EXPECT_NEAR(area, metrics.at("roc_auc"), 1e-3) << "the thinned curve is the curve";
}

TEST(ReportMetrics, RegressionMatchesScikitLearn) {
  const auto u = numbers(100 * 4);
  torch::Tensor target = torch::empty({100, 2});
  torch::Tensor outputs = torch::empty({100, 2});
  for (std::int64_t i = 0; i < 100; ++i) {
    for (std::int64_t c = 0; c < 2; ++c) {
      const auto at = static_cast<std::size_t>(i * 4 + c);
      const float truth = static_cast<float>(u[at]) * (c == 0 ? 1.0F : 10.0F);
      target[i][c] = truth;
      outputs[i][c] = truth + static_cast<float>(u[at + 2]) - 0.5F;
    }
  }
  const auto metrics = compute_metrics(spec_of(Task::regression, 2), outputs, target);
  EXPECT_NEAR(metrics.at("mae"), 0.2644397242064588, kExact);
  EXPECT_NEAR(metrics.at("rmse"), 0.30410349684667104, kExact);
  EXPECT_NEAR(metrics.at("r2"), 0.4794398543705847, kExact);
  EXPECT_NEAR(metrics.at("per_output").at(0).at("r2"), -0.02761681581016373, kExact);
  EXPECT_NEAR(metrics.at("per_output").at(1).at("rmse"), 0.31274601009585923, kExact);
}

TEST(ReportMetrics, RSquaredOfConstantTargetsAndOfOneSample) {
  const DataSpec spec = spec_of(Task::regression, 1);
  const auto constant = torch::full({3, 1}, 2.0);
  EXPECT_EQ(compute_metrics(spec, constant, constant).at("r2"), 1.0);
  EXPECT_EQ(compute_metrics(spec, constant + 1, constant).at("r2"), 0.0);
  const auto one = compute_metrics(spec, torch::full({1, 1}, 3.0), torch::full({1, 1}, 2.0));
  EXPECT_FALSE(one.contains("r2"));
  EXPECT_EQ(one.at("mae"), 1.0);
}

TEST(ReportMetrics, NotANumberCountsAsWrong) {
  torch::Tensor logits = logits_for({0, 1, 2, 0}, 3);
  logits[3][1] = kNaN;
  const auto target = torch::tensor({0, 1, 2, 0}, torch::kLong);
  const auto classes = compute_metrics(spec_of(Task::classification, 3), logits, target);
  EXPECT_EQ(classes.at("accuracy"), 0.75);
  EXPECT_EQ(classes.at("per_class").at(0).at("recall"), 0.5);
  EXPECT_EQ(classes.at("per_class").at(0).at("precision"), 1.0);
  EXPECT_EQ(classes.at("invalid_outputs"), 1);
  EXPECT_FALSE(classes.contains("roc_auc"));

  const auto binary =
      compute_metrics(spec_of(Task::binary, 1), torch::tensor({{kNaN}, {1.0F}, {-1.0F}}),
                      torch::tensor({{1.0F}, {1.0F}, {0.0F}}));
  EXPECT_NEAR(binary.at("accuracy"), 2.0 / 3, kExact);
  EXPECT_EQ(binary.at("recall"), 0.5);
  EXPECT_FALSE(binary.contains("roc_auc"));
  EXPECT_FALSE(binary.contains("roc_curve"));

  const auto regression =
      compute_metrics(spec_of(Task::regression, 1), torch::tensor({{kNaN}, {1.0F}}),
                      torch::tensor({{1.0F}, {1.0F}}));
  EXPECT_EQ(regression.dump(), R"({"invalid_outputs":1})");
}

TEST(ReportMetrics, InfiniteLogitsAreRanked) {
  constexpr float infinity = std::numeric_limits<float>::infinity();
  const auto metrics =
      compute_metrics(spec_of(Task::binary, 1), torch::tensor({{infinity}, {-infinity}, {0.0F}}),
                      torch::tensor({{1.0F}, {0.0F}, {1.0F}}));
  EXPECT_EQ(metrics.at("roc_auc"), 1.0);
  EXPECT_NEAR(metrics.at("accuracy"), 2.0 / 3, kExact)
      << "a logit of 0 is probability 0.5: not positive";
}

TEST(ReportMetrics, NoSamplesGiveAnEmptyObject) {
  EXPECT_EQ(compute_metrics(spec_of(Task::classification, 3), torch::empty({0, 3}),
                            torch::empty({0}, torch::kLong))
                .dump(),
            "{}");
  EXPECT_EQ(
      compute_metrics(spec_of(Task::binary, 1), torch::empty({0, 1}), torch::empty({0, 1})).dump(),
      "{}");
  EXPECT_EQ(
      compute_metrics(spec_of(Task::regression, 2), torch::empty({0, 2}), torch::empty({0, 2}))
          .dump(),
      "{}");
}

TEST(ReportMetrics, ShapesThatDoNotFitAreInputErrors) {
  const DataSpec spec = spec_of(Task::classification, 3);
  const auto target = torch::tensor({0, 3}, torch::kLong);
  EXPECT_THROW(compute_metrics(spec, torch::zeros({2, 4}), target), InputError);
  EXPECT_THROW(compute_metrics(spec, torch::zeros({3, 3}), target.slice(0, 0, 1)), InputError);
  EXPECT_THROW(compute_metrics(spec, torch::Tensor(), target), InputError);
  try {
    compute_metrics(spec, torch::zeros({2, 3}), target);
    FAIL();
  } catch (const InputError& error) {
    EXPECT_STREQ(error.what(), "metrics: target 3 of sample 1 is outside 0..2");
  }
}

TEST(ReportMetrics, DirectionOfMetrics) {
  for (const char* name : {"accuracy", "precision", "recall", "f1", "roc_auc", "r2"})
    EXPECT_TRUE(higher_is_better(name));
  for (const char* name : {"loss", "mae", "rmse"}) EXPECT_FALSE(higher_is_better(name));
  EXPECT_THROW(higher_is_better("acuracy"), InputError);
}

TEST(ReportMetrics, PredictionsAreProbabilitiesWhateverTheMagnitude) {
  const DataSpec three = spec_of(Task::classification, 3);
  const auto classes =
      to_predictions(three, torch::tensor({{1.0F, 2.0F, 3.0F}, {1000.0F, 0.0F, -1000.0F}}));
  EXPECT_TRUE(torch::allclose(classes[0], torch::tensor({0.09003057F, 0.24472848F, 0.66524094F})));
  EXPECT_TRUE(torch::equal(classes[1], torch::tensor({1.0F, 0.0F, 0.0F})));
  const auto binary =
      to_predictions(spec_of(Task::binary, 1), torch::tensor({{0.0F}, {-2.0F}, {800.0F}}));
  EXPECT_TRUE(torch::allclose(
      binary, torch::tensor({{0.5F, 0.5F}, {0.8807971F, 0.1192029F}, {0.0F, 1.0F}})));
  const auto outputs = torch::tensor({{7.0F}});
  EXPECT_TRUE(torch::equal(to_predictions(spec_of(Task::regression, 1), outputs), outputs));
}

TEST(ReportMetrics, PredictionsDoNotDependOnTheBatch) {
  torch::manual_seed(3);
  const DataSpec spec = spec_of(Task::classification, 7);
  const auto logits = torch::randn({37, 7});
  const auto together = to_predictions(spec, logits);
  for (std::int64_t i = 0; i < 37; ++i) {
    EXPECT_TRUE(torch::equal(to_predictions(spec, logits.slice(0, i, i + 1))[0], together[i]));
  }
}

}  // namespace metric_test
}  // namespace convoy
