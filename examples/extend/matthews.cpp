// A metric: Matthews' correlation coefficient of truth and prediction (Matthews 1975), for several
// classes as Gorodkin 2004 has it: 1 where all are right, 0 where it is no better than chance.
#include <ATen/ops/argmax.h>
#include <ATen/ops/isfinite.h>

#include <cmath>
#include <convoy/core/tensor.hpp>
#include <convoy/metric/metric_kind.hpp>
#include <convoy/plugin.hpp>

CONVOY_PLUGIN("matthews", "1.0")

namespace {

namespace schema = convoy::schema;

at::Tensor predicted_classes(const convoy::MetricInput& input) {
  if (input.spec.task == convoy::Task::binary) return input.outputs.gt(0).flatten().to(at::kLong);
  return input.outputs.argmax(1);
}

// Whole numbers until the last step, so the order of samples is of no account.
nlohmann::ordered_json matthews_of(const convoy::MetricInput& input) {
  if (!input.outputs.isfinite().all().item<bool>()) return nlohmann::ordered_json::object();
  const at::Tensor predicted = predicted_classes(input).contiguous();
  const at::Tensor truth = input.target.flatten().to(at::kLong).contiguous();
  const std::int64_t samples = truth.numel();
  const std::size_t classes = input.spec.class_names.size();
  std::vector<double> true_of(classes), predicted_of(classes);
  double right = 0;
  for (std::int64_t i = 0; i < samples; ++i) {
    const std::int64_t is = truth.const_data_ptr<std::int64_t>()[i];
    const std::int64_t said = predicted.const_data_ptr<std::int64_t>()[i];
    ++true_of[static_cast<std::size_t>(is)];
    ++predicted_of[static_cast<std::size_t>(said)];
    right += is == said;
  }
  const auto all = static_cast<double>(samples);
  double together = right * all, true_spread = all * all, predicted_spread = all * all;
  for (std::size_t c = 0; c < classes; ++c) {
    together -= true_of[c] * predicted_of[c];
    true_spread -= true_of[c] * true_of[c];
    predicted_spread -= predicted_of[c] * predicted_of[c];
  }
  const double spread = std::sqrt(true_spread * predicted_spread);
  return {{"matthews", spread > 0 ? together / spread : 0.0}};
}

const schema::Registered matthews(
    convoy::metrics(),
    convoy::MetricKind{{.name = "matthews", .doc = "Matthews' correlation of truth and prediction"},
                       {convoy::Task::classification, convoy::Task::binary},
                       {{.name = "matthews", .best = true}},
                       matthews_of});

}  // namespace
