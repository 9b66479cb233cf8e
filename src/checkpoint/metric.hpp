#pragma once
// What decides which checkpoint is the best.
#include <nlohmann/json.hpp>
#include <optional>
#include <string>

namespace convoy {

struct CheckpointMetric {
  std::string name;
  std::string split;
  double value = 0;
  bool higher_is_better = false;
};

/// `meta.best_metric` of a checkpoint; nothing where it has none, or one that is not finite.
std::optional<CheckpointMetric> metric_of(const nlohmann::ordered_json& meta);

inline bool is_better(const CheckpointMetric& a, const CheckpointMetric& b) {
  return a.higher_is_better ? a.value > b.value : a.value < b.value;
}

}  // namespace convoy
