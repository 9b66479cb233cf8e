#include "convoy/metric/metrics.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <string>
#include <utility>

#include "convoy/core/error.hpp"
#include "metric/rows.hpp"

namespace convoy {
namespace {

using Json = nlohmann::ordered_json;

// How many samples there are. Throws InputError unless outputs and target fit the data.
std::int64_t checked_count(const DataSpec& spec, const torch::Tensor& outputs,
                           const torch::Tensor& target) {
  const std::int64_t count = output_rows(spec, outputs).count;
  const auto targets = spec.task == Task::regression
                           ? rows_of(target, spec.outputs, "targets").count
                           : static_cast<std::int64_t>(class_targets(spec, target).size());
  if (count == targets) return count;
  throw InputError(
      fmt::format("metrics: {} outputs for {} targets; there must be one each", count, targets));
}

struct Value {
  int order = 0;
  std::string name;
  Json value;
};

void add_values(std::vector<Value>& values, const MetricKind& kind, const Json& given) {
  for (const auto& [name, value] : given.items()) {
    int order = MetricKey{}.order;
    for (const MetricKey& key : kind.keys) {
      if (key.name == name) order = key.order;
    }
    values.push_back({order, name, value});
  }
}

}  // namespace

Json compute_metrics(const DataSpec& spec, const torch::Tensor& outputs,
                     const torch::Tensor& target) {
  if (checked_count(spec, outputs, target) == 0) return Json::object();
  const torch::Tensor rows = to_host_tensor(outputs);
  std::vector<Value> values;
  for (const auto& [name, kind] : metrics().all()) {
    if (std::ranges::find(kind.tasks, spec.task) != kind.tasks.end())
      add_values(values, kind, kind.compute({spec, rows, target}));
  }
  std::ranges::stable_sort(values, {}, &Value::order);
  Json all = Json::object();
  for (Value& one : values) all[one.name] = std::move(one.value);
  return all;
}

}  // namespace convoy
