// The area under the receiver operating characteristic, and of a yes or no the curve.
#include "metric/roc.hpp"

#include <algorithm>
#include <cmath>
#include <optional>

#include "metric/rows.hpp"

namespace convoy {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::size_t roc_points = 200;

// softmax(logits)[c] in double, with the parts that do not depend on c computed once a row.
class Softmax {
 public:
  explicit Softmax(const FloatRows& logits) : logits_(logits) {
    for (std::int64_t i = 0; i < logits.count; ++i) {
      const auto row = logits[i];
      const double largest = *std::max_element(row.begin(), row.end());
      double sum = 0;
      for (const float x : row) sum += std::exp(x - largest);
      largest_.push_back(largest);
      sum_.push_back(sum);
      finite_ = finite_ && std::isfinite(sum);
    }
  }
  /// Whether every value is a number.
  bool finite() const { return finite_; }
  double operator()(std::int64_t row, std::int64_t c) const {
    const auto i = static_cast<std::size_t>(row);
    return std::exp(logits_[row][static_cast<std::size_t>(c)] - largest_[i]) / sum_[i];
  }

 private:
  const FloatRows& logits_;
  std::vector<double> largest_, sum_;
  bool finite_ = true;
};

bool all_are_numbers(const FloatRows& rows) {
  for (std::int64_t i = 0; i < rows.count; ++i) {
    const auto row = rows[i];
    if (std::any_of(row.begin(), row.end(), [](float x) { return std::isnan(x); })) return false;
  }
  return true;
}

bool all_occur(const std::vector<std::int64_t>& target, std::int64_t classes) {
  std::vector<bool> occurs(static_cast<std::size_t>(classes));
  for (const std::int64_t c : target) occurs[static_cast<std::size_t>(c)] = true;
  return std::find(occurs.begin(), occurs.end(), false) == occurs.end();
}

// One class against the rest, the mean over classes; undefined when a class never occurs or a score
// is no number.
std::optional<double> macro_roc_area(const FloatRows& logits,
                                     const std::vector<std::int64_t>& target) {
  if (logits.width > most_classes_in_detail || !all_occur(target, logits.width) ||
      !all_are_numbers(logits))
    return std::nullopt;
  const Softmax probability(logits);
  if (!probability.finite()) return std::nullopt;
  double sum = 0;
  for (std::int64_t c = 0; c < logits.width; ++c) {
    Scores scores;
    for (std::int64_t i = 0; i < logits.count; ++i) {
      auto& group = target[static_cast<std::size_t>(i)] == c ? scores.positive : scores.negative;
      group.push_back(probability(i, c));
    }
    const auto area = roc_area(scores);
    if (!area) return std::nullopt;
    sum += *area;
  }
  return sum / static_cast<double>(logits.width);
}

Json binary_roc(const FloatRows& logits, const std::vector<std::int64_t>& target) {
  if (!all_are_numbers(logits)) return Json::object();
  Scores scores;
  for (std::int64_t i = 0; i < logits.count; ++i) {
    auto& group = target[static_cast<std::size_t>(i)] == 1 ? scores.positive : scores.negative;
    group.push_back(logits[i][0]);
  }
  const auto area = roc_area(scores);
  if (!area) return Json::object();
  return {{"roc_auc", *area}, {"roc_curve", roc_curve(scores, roc_points)}};
}

Json roc_metrics(const MetricInput& input) {
  const FloatRows logits = output_rows(input.spec, input.outputs);
  const std::vector<std::int64_t> target = class_targets(input.spec, input.target);
  if (input.spec.task == Task::binary) return binary_roc(logits, target);
  const auto area = macro_roc_area(logits, target);
  return area ? Json{{"roc_auc", *area}} : Json::object();
}

const schema::Registered roc_metric(
    metrics(),
    MetricKind{{.name = "roc",
                .doc = "roc_auc (of several classes one against the rest, the mean; absent where a "
                       "class is missing from the truth), of two the roc_curve"},
               {Task::classification, Task::binary},
               {{.name = "roc_auc", .order = 50, .best = true}, {.name = "roc_curve", .order = 90}},
               roc_metrics});

}  // namespace
}  // namespace convoy
