#include "checkpoint/metric.hpp"

#include <cmath>

namespace convoy {

std::optional<CheckpointMetric> metric_of(const nlohmann::ordered_json& meta) {
  if (!meta.is_object() || !meta.contains("best_metric")) return std::nullopt;
  const auto& metric = meta["best_metric"];
  if (!metric.is_object() || !metric.contains("value") || !metric["value"].is_number())
    return std::nullopt;
  const double value = metric["value"];
  if (!std::isfinite(value)) return std::nullopt;
  try {
    return CheckpointMetric{metric.value("name", ""), metric.value("split", ""), value,
                            metric.at("higher_is_better")};
  } catch (const nlohmann::json::exception&) {
    return std::nullopt;
  }
}

}  // namespace convoy
