#pragma once
// Metrics by name: what an evaluation gives beside the loss. One file adds one
// (convoy/schema/registry.hpp), one number or several that come from the same work. No libtorch in
// this header.
#include <functional>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "convoy/core/tensor_names.hpp"
#include "convoy/data/dataset/spec.hpp"
#include "convoy/schema/registry.hpp"

#pragma GCC visibility push(default)

namespace convoy {

/// What a model said of all samples of a split, at least one; both on the host, with a row a sample
/// in the samples' order.
struct MetricInput {
  const DataSpec& spec;
  const at::Tensor& outputs;  ///< float32; logits [n, classes] (classification) or [n, 1] (binary)
  const at::Tensor& target;   ///< as Batch::target, checked to fit the data
};

/// One of the values that a metric gives, as metrics.jsonl and summary.json name it.
struct MetricKey {
  std::string name;
  int order = 1000;               ///< its place among all of them
  bool best = false;              ///< a number that evaluate.best may name
  bool higher_is_better = true;   ///< of one that may
  std::vector<Task> automatic{};  ///< of which evaluate.best: auto means it
};

struct MetricKind : schema::Registration {
  std::vector<Task> tasks;  ///< that it is of
  std::vector<MetricKey> keys;
  /// An object of these keys, or of those that are defined. In double and in the samples' order, so
  /// that it does not depend on how the work was divided.
  std::function<nlohmann::ordered_json(const MetricInput&)> compute;
};

schema::Registry<MetricKind>& metrics();

/// The numbers that evaluate.best may name, of all tasks or of one: the loss after them.
std::vector<std::string_view> best_metrics();
std::vector<std::string_view> best_metrics(Task task);

/// What evaluate.best: auto means; the loss where no metric says so.
std::string_view default_metric(Task task);

/// Throws InputError for a name that is no metric's.
bool higher_is_better(std::string_view metric);

}  // namespace convoy

#pragma GCC visibility pop
