// What comes from how often each class was true, predicted, and both. The definitions are
// scikit-learn's, a division by zero giving 0.
#include "metric/rows.hpp"

namespace convoy {
namespace {

using Json = nlohmann::ordered_json;

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
    if (classes <= most_classes_in_detail) matrix.resize(n * n);
  }

  void add(std::int64_t truth, std::int64_t prediction) {
    ++samples;
    ++support[static_cast<std::size_t>(truth)];
    if (prediction == no_prediction) {
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

Json class_metrics(const MetricInput& input) {
  const DataSpec& spec = input.spec;
  const FloatRows rows = output_rows(spec, input.outputs);
  const std::vector<std::int64_t> target = class_targets(spec, input.target);
  const bool binary = spec.task == Task::binary;
  ClassCounts counts(binary ? 2 : rows.width);
  for (std::int64_t i = 0; i < rows.count; ++i)
    counts.add(target[static_cast<std::size_t>(i)], predicted_class(spec, rows[i]));
  Json metrics;
  metrics["accuracy"] = ratio(counts.all_correct(), counts.samples);
  if (binary) {
    metrics["precision"] = counts.precision(1);
    metrics["recall"] = counts.recall(1);
    metrics["f1"] = counts.f1(1);
  } else {
    add_macro_averages(metrics, counts);
  }
  add_class_details(metrics, counts, spec);
  return metrics;
}

const schema::Registered class_metric(
    metrics(),
    MetricKind{
        {.name = "class_counts",
         .doc = "accuracy, precision, recall and f1 (of several classes the means over those "
                "that occur), per_class, and the confusion_matrix"},
        {Task::classification, Task::binary},
        {{.name = "accuracy",
          .order = 10,
          .best = true,
          .automatic = {Task::classification, Task::binary}},
         {.name = "precision", .order = 20, .best = true},
         {.name = "recall", .order = 30, .best = true},
         {.name = "f1", .order = 40, .best = true},
         {.name = "invalid_outputs", .order = 60},
         {.name = "confusion_matrix", .order = 70},
         {.name = "per_class", .order = 80}},
        class_metrics});

}  // namespace
}  // namespace convoy
