// Distances of the outputs from the target.
#include <algorithm>
#include <cmath>
#include <optional>

#include "metric/rows.hpp"

namespace convoy {
namespace {

using Json = nlohmann::ordered_json;

struct Errors {
  double mae = 0;
  double rmse = 0;
  std::optional<double> r2;  // undefined for one sample
};

Errors errors_of_output(const FloatRows& outputs, const FloatRows& target, std::size_t column) {
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

Json errors_json(const Errors& errors) {
  Json json = {{"mae", errors.mae}, {"rmse", errors.rmse}};
  if (errors.r2) json["r2"] = *errors.r2;
  return json;
}

Json error_metrics(const MetricInput& input) {
  const FloatRows outputs = output_rows(input.spec, input.outputs);
  const FloatRows target = rows_of(input.target, input.spec.outputs, "targets");
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
    per_output.push_back(errors_json(errors));
  }
  Json metrics = errors_json(mean);
  if (outputs.width > 1) metrics["per_output"] = std::move(per_output);
  return metrics;
}

const schema::Registered error_metric(
    metrics(),
    MetricKind{{.name = "errors",
                .doc = "mae, rmse and r2 (the means over outputs), of several outputs per_output"},
               {Task::regression},
               {{.name = "mae", .order = 110, .best = true, .higher_is_better = false},
                {.name = "rmse",
                 .order = 120,
                 .best = true,
                 .higher_is_better = false,
                 .automatic = {Task::regression}},
                {.name = "r2", .order = 130, .best = true},
                {.name = "per_output", .order = 140},
                {.name = "invalid_outputs", .order = 150}},
               error_metrics});

}  // namespace
}  // namespace convoy
