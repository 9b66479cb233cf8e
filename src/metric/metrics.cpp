#include "convoy/metric/metrics.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>

#include "compute/host_tensor.hpp"
#include "convoy/core/error.hpp"
#include "metric/roc.hpp"

namespace convoy {
namespace {

using Json = nlohmann::ordered_json;

// Beyond this many classes neither a matrix of counts nor one sort a class is worth what it costs.
constexpr std::int64_t kMostClassesInDetail = 1000;
constexpr std::size_t kRocPoints = 200;
constexpr std::int64_t kNoPrediction = -1;

// A tensor as rows of floats in memory.
struct Rows {
  torch::Tensor tensor;
  std::int64_t count = 0;
  std::int64_t width = 0;
  std::span<const float> operator[](std::int64_t row) const {
    return values_of(tensor).subspan(static_cast<std::size_t>(row * width),
                                     static_cast<std::size_t>(width));
  }
};

std::string shape_of(const torch::Tensor& tensor) {
  return fmt::format("[{}]", fmt::join(tensor.sizes().begin(), tensor.sizes().end(), ", "));
}

Rows rows_of(const torch::Tensor& tensor, std::int64_t width, const char* what) {
  if (!tensor.defined() || tensor.dim() < 1 || width < 1 ||
      tensor.numel() != tensor.size(0) * width) {
    throw InputError(fmt::format("metrics: the {} have shape {}, but the data needs [n, {}]", what,
                                 tensor.defined() ? shape_of(tensor) : "(undefined)", width));
  }
  const torch::Tensor rows = to_host_tensor(tensor);
  return {rows, tensor.size(0), width};
}

void check_same_count(const Rows& outputs, std::int64_t targets) {
  if (outputs.count == targets) return;
  throw InputError(fmt::format("metrics: {} outputs for {} targets; there must be one each",
                               outputs.count, targets));
}

std::vector<std::int64_t> class_targets(const torch::Tensor& target, std::int64_t classes) {
  if (!target.defined() || target.numel() != (target.dim() > 0 ? target.size(0) : 0)) {
    throw InputError("metrics: the targets of a classification must be one class number a sample");
  }
  std::vector<std::int64_t> result = integers_of(target);
  for (std::size_t i = 0; i < result.size(); ++i) {
    if (result[i] >= 0 && result[i] < classes) continue;
    throw InputError(
        fmt::format("metrics: target {} of sample {} is outside 0..{}", result[i], i, classes - 1));
  }
  return result;
}

std::vector<std::int64_t> binary_targets(const torch::Tensor& target) {
  const Rows rows = rows_of(target, 1, "targets");
  std::vector<std::int64_t> result(static_cast<std::size_t>(rows.count));
  for (std::int64_t i = 0; i < rows.count; ++i) {
    const float value = rows[i][0];
    if (value != 0 && value != 1) {
      throw InputError(fmt::format("metrics: target {} of sample {} is neither 0 nor 1", value, i));
    }
    result[static_cast<std::size_t>(i)] = value == 1;
  }
  return result;
}

// The first largest output, as numpy.argmax; none when an output is not a number.
std::int64_t predicted_class(std::span<const float> logits) {
  if (std::any_of(logits.begin(), logits.end(), [](float x) { return std::isnan(x); }))
    return kNoPrediction;
  return std::max_element(logits.begin(), logits.end()) - logits.begin();
}

std::int64_t predicted_side(float logit) {
  return std::isnan(logit) ? kNoPrediction : logit > 0;
}

double ratio(std::int64_t part, std::int64_t whole) {
  return whole == 0 ? 0.0 : static_cast<double>(part) / static_cast<double>(whole);
}

// How often each class was true, predicted, and both.
struct ClassCounts {
  std::vector<std::int64_t> support, predicted, correct;
  std::vector<std::int64_t>
      matrix;  // row-major, rows: truth; empty when there are too many classes
  std::int64_t samples = 0;
  std::int64_t invalid = 0;

  explicit ClassCounts(std::int64_t classes) {
    const auto n = static_cast<std::size_t>(classes);
    support.resize(n);
    predicted.resize(n);
    correct.resize(n);
    if (classes <= kMostClassesInDetail) matrix.resize(n * n);
  }

  void add(std::int64_t truth, std::int64_t prediction) {
    ++samples;
    ++support[static_cast<std::size_t>(truth)];
    if (prediction == kNoPrediction) {
      ++invalid;
      return;
    }
    ++predicted[static_cast<std::size_t>(prediction)];
    correct[static_cast<std::size_t>(truth)] += truth == prediction;
    if (!matrix.empty())
      ++matrix[static_cast<std::size_t>(truth) * support.size() +
               static_cast<std::size_t>(prediction)];
  }

  std::int64_t all_correct() const {
    std::int64_t sum = 0;
    for (const std::int64_t count : correct) sum += count;
    return sum;
  }
  double precision(std::size_t c) const { return ratio(correct[c], predicted[c]); }
  double recall(std::size_t c) const { return ratio(correct[c], support[c]); }
  double f1(std::size_t c) const { return ratio(2 * correct[c], predicted[c] + support[c]); }
};

// Means over the classes that occur in the truth or the predictions, as scikit-learn's
// average="macro".
void add_macro_averages(Json& metrics, const ClassCounts& counts) {
  double precision = 0, recall = 0, f1 = 0;
  std::int64_t classes = 0;
  for (std::size_t c = 0; c < counts.support.size(); ++c) {
    if (counts.support[c] == 0 && counts.predicted[c] == 0) continue;
    ++classes;
    precision += counts.precision(c);
    recall += counts.recall(c);
    f1 += counts.f1(c);
  }
  metrics["precision"] = precision / static_cast<double>(classes);
  metrics["recall"] = recall / static_cast<double>(classes);
  metrics["f1"] = f1 / static_cast<double>(classes);
}

void add_class_details(Json& metrics, const ClassCounts& counts, const DataSpec& spec) {
  const std::size_t classes = counts.support.size();
  if (counts.invalid > 0) metrics["invalid_outputs"] = counts.invalid;
  if (!counts.matrix.empty()) {
    Json matrix = Json::array();
    for (std::size_t row = 0; row < classes; ++row) {
      const auto begin = counts.matrix.begin() + static_cast<std::ptrdiff_t>(row * classes);
      matrix.push_back(
          std::vector<std::int64_t>(begin, begin + static_cast<std::ptrdiff_t>(classes)));
    }
    metrics["confusion_matrix"] = std::move(matrix);
  }
  Json per_class = Json::array();
  for (std::size_t c = 0; c < classes; ++c) {
    per_class.push_back(
        {{"class", c < spec.class_names.size() ? spec.class_names[c] : std::to_string(c)},
         {"precision", counts.precision(c)},
         {"recall", counts.recall(c)},
         {"f1", counts.f1(c)},
         {"support", counts.support[c]}});
  }
  metrics["per_class"] = std::move(per_class);
}

// softmax(logits)[c] in double, with the parts that do not depend on c computed once a row.
class Softmax {
 public:
  explicit Softmax(const Rows& logits) : logits_(logits) {
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
  const Rows& logits_;
  std::vector<double> largest_, sum_;
  bool finite_ = true;
};

// One class against the rest, the mean over classes; undefined when a class never occurs or a score
// is no number.
std::optional<double> macro_roc_area(const Rows& logits, const std::vector<std::int64_t>& target,
                                     const ClassCounts& counts) {
  const bool all_occur =
      std::all_of(counts.support.begin(), counts.support.end(), [](auto n) { return n > 0; });
  if (counts.invalid > 0 || !all_occur || logits.width > kMostClassesInDetail) return std::nullopt;
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

Json classification_metrics(const DataSpec& spec, const Rows& logits,
                            const std::vector<std::int64_t>& target) {
  ClassCounts counts(logits.width);
  for (std::int64_t i = 0; i < logits.count; ++i)
    counts.add(target[static_cast<std::size_t>(i)], predicted_class(logits[i]));
  Json metrics;
  metrics["accuracy"] = ratio(counts.all_correct(), counts.samples);
  add_macro_averages(metrics, counts);
  if (const auto area = macro_roc_area(logits, target, counts)) metrics["roc_auc"] = *area;
  add_class_details(metrics, counts, spec);
  return metrics;
}

Json binary_metrics(const DataSpec& spec, const Rows& logits,
                    const std::vector<std::int64_t>& target) {
  ClassCounts counts(2);
  Scores scores;
  for (std::int64_t i = 0; i < logits.count; ++i) {
    const std::int64_t truth = target[static_cast<std::size_t>(i)];
    const float logit = logits[i][0];
    counts.add(truth, predicted_side(logit));
    (truth == 1 ? scores.positive : scores.negative).push_back(logit);
  }
  Json metrics;
  metrics["accuracy"] = ratio(counts.all_correct(), counts.samples);
  metrics["precision"] = counts.precision(1);
  metrics["recall"] = counts.recall(1);
  metrics["f1"] = counts.f1(1);
  const auto area = counts.invalid == 0 ? roc_area(scores) : std::nullopt;
  if (area) metrics["roc_auc"] = *area;
  add_class_details(metrics, counts, spec);
  if (area) metrics["roc_curve"] = roc_curve(scores, kRocPoints);
  return metrics;
}

struct Errors {
  double mae = 0;
  double rmse = 0;
  std::optional<double> r2;  // undefined for one sample
};

Errors errors_of_output(const Rows& outputs, const Rows& target, std::size_t column) {
  const auto n = static_cast<double>(outputs.count);
  double absolute = 0, squared = 0, sum = 0, spread = 0;
  for (std::int64_t i = 0; i < outputs.count; ++i) {
    const double error = static_cast<double>(target[i][column]) - outputs[i][column];
    absolute += std::abs(error);
    squared += error * error;
    sum += target[i][column];
  }
  for (std::int64_t i = 0; i < outputs.count; ++i) {
    const double distance = target[i][column] - sum / n;
    spread += distance * distance;
  }
  Errors errors{absolute / n, std::sqrt(squared / n), std::nullopt};
  if (outputs.count >= 2) errors.r2 = spread > 0 ? 1 - squared / spread : squared == 0 ? 1.0 : 0.0;
  return errors;
}

Json to_json(const Errors& errors) {
  Json json = {{"mae", errors.mae}, {"rmse", errors.rmse}};
  if (errors.r2) json["r2"] = *errors.r2;
  return json;
}

Json regression_metrics(const Rows& outputs, const Rows& target) {
  std::int64_t invalid = 0;
  for (std::int64_t i = 0; i < outputs.count; ++i) {
    const auto row = outputs[i];
    invalid += !std::all_of(row.begin(), row.end(), [](float x) { return std::isfinite(x); });
  }
  if (invalid > 0) return {{"invalid_outputs", invalid}};
  // The plain mean over outputs, as scikit-learn's multioutput="uniform_average".
  Errors mean;
  Json per_output = Json::array();
  const auto width = static_cast<double>(outputs.width);
  for (std::int64_t column = 0; column < outputs.width; ++column) {
    const Errors errors = errors_of_output(outputs, target, static_cast<std::size_t>(column));
    mean.mae += errors.mae / width;
    mean.rmse += errors.rmse / width;
    if (errors.r2) mean.r2 = mean.r2.value_or(0) + *errors.r2 / width;
    per_output.push_back(to_json(errors));
  }
  Json metrics = to_json(mean);
  if (outputs.width > 1) metrics["per_output"] = std::move(per_output);
  return metrics;
}

void softmax_row(std::span<const float> logits, float* result) {
  const double largest = *std::max_element(logits.begin(), logits.end());
  double sum = 0;
  for (const float x : logits) sum += std::exp(x - largest);
  for (std::size_t c = 0; c < logits.size(); ++c)
    result[c] = static_cast<float>(std::exp(logits[c] - largest) / sum);
}

}  // namespace

nlohmann::ordered_json compute_metrics(const DataSpec& spec, const torch::Tensor& outputs,
                                       const torch::Tensor& target) {
  const Rows rows = rows_of(outputs, spec.task == Task::binary ? 1 : spec.outputs, "outputs");
  if (spec.task == Task::regression) {
    const Rows wanted = rows_of(target, spec.outputs, "targets");
    check_same_count(rows, wanted.count);
    return rows.count == 0 ? Json::object() : regression_metrics(rows, wanted);
  }
  const auto wanted =
      spec.task == Task::binary ? binary_targets(target) : class_targets(target, spec.outputs);
  check_same_count(rows, static_cast<std::int64_t>(wanted.size()));
  if (rows.count == 0) return Json::object();
  return spec.task == Task::binary ? binary_metrics(spec, rows, wanted)
                                   : classification_metrics(spec, rows, wanted);
}

bool higher_is_better(const std::string& metric) {
  static const std::map<std::string, bool> known = {
      {"accuracy", true}, {"precision", true}, {"recall", true}, {"f1", true},   {"roc_auc", true},
      {"r2", true},       {"loss", false},     {"mae", false},   {"rmse", false}};
  const auto found = known.find(metric);
  if (found != known.end()) return found->second;
  throw InputError(fmt::format(
      "metric '{}' is not known; use loss, accuracy, precision, recall, f1, roc_auc, mae, "
      "rmse or r2",
      metric));
}

// Loops of our own: a row's bits must not depend on its place in the tensor, as they do at the end
// of vector kernels.
torch::Tensor to_predictions(const DataSpec& spec, const torch::Tensor& outputs) {
  if (spec.task == Task::regression) return outputs;
  const Rows rows = rows_of(outputs, spec.task == Task::binary ? 1 : spec.outputs, "outputs");
  const std::int64_t classes = spec.task == Task::binary ? 2 : spec.outputs;
  torch::Tensor result = host_tensor({rows.count, classes});
  float* out = values_of(result).data();
  for (std::int64_t i = 0; i < rows.count; ++i, out += classes) {
    if (spec.task == Task::classification) {
      softmax_row(rows[i], out);
    } else {
      const double logit = rows[i][0];
      out[0] = static_cast<float>(1 / (1 + std::exp(logit)));
      out[1] = static_cast<float>(1 / (1 + std::exp(-logit)));
    }
  }
  return result;
}

}  // namespace convoy
