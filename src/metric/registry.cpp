// Declared in convoy/metric/metric_kind.hpp.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "convoy/core/error.hpp"
#include "convoy/metric/metric_kind.hpp"

namespace convoy {
namespace {

constexpr std::string_view loss_key = "loss";

/// Those that `wanted` holds for, in their order.
template <class Wanted>
std::vector<const MetricKey*> metric_keys(const Wanted& wanted) {
  std::vector<const MetricKey*> keys;
  for (const auto& [name, kind] : metrics().all()) {
    for (const MetricKey& key : kind.keys) {
      if (wanted(kind, key)) keys.push_back(&key);
    }
  }
  std::ranges::stable_sort(keys, {}, &MetricKey::order);
  return keys;
}

std::vector<std::string_view> with_loss(const std::vector<const MetricKey*>& keys) {
  std::vector<std::string_view> names;
  for (const MetricKey* key : keys) names.emplace_back(key->name);
  names.push_back(loss_key);
  return names;
}

bool is_of(const std::vector<Task>& tasks, Task task) {
  return std::ranges::find(tasks, task) != tasks.end();
}

}  // namespace

schema::Registry<MetricKind>& metrics() {
  static schema::Registry<MetricKind> all("metric", "metrics", "evaluate.best");
  return all;
}

std::vector<std::string_view> best_metrics() {
  return with_loss(metric_keys([](const MetricKind&, const MetricKey& key) { return key.best; }));
}

std::vector<std::string_view> best_metrics(Task task) {
  return with_loss(metric_keys([&](const MetricKind& kind, const MetricKey& key) {
    return key.best && is_of(kind.tasks, task);
  }));
}

std::string_view default_metric(Task task) {
  const auto keys = metric_keys(
      [&](const MetricKind&, const MetricKey& key) { return is_of(key.automatic, task); });
  return keys.empty() ? loss_key : std::string_view(keys.front()->name);
}

bool higher_is_better(std::string_view metric) {
  if (metric == loss_key) return false;
  const auto keys = metric_keys([&](const MetricKind&, const MetricKey& key) { return key.best; });
  for (const MetricKey* key : keys) {
    if (key->name == metric) return key->higher_is_better;
  }
  throw InputError(
      fmt::format("metric '{}' is not known; use {}", metric, fmt::join(with_loss(keys), ", ")));
}

}  // namespace convoy
