#include "metric/rows.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>

#include "convoy/core/error.hpp"

namespace convoy {
namespace {

std::string shape_of(const torch::Tensor& tensor) {
  return fmt::format("[{}]", fmt::join(tensor.sizes().begin(), tensor.sizes().end(), ", "));
}

std::vector<std::int64_t> targets_of_classes(const torch::Tensor& target, std::int64_t classes) {
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

std::vector<std::int64_t> targets_of_two(const torch::Tensor& target) {
  const FloatRows rows = rows_of(target, 1, "targets");
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
std::int64_t largest_of(std::span<const float> logits) {
  if (std::any_of(logits.begin(), logits.end(), [](float x) { return std::isnan(x); }))
    return no_prediction;
  return std::max_element(logits.begin(), logits.end()) - logits.begin();
}

std::int64_t predicted_side(float logit) {
  return std::isnan(logit) ? no_prediction : logit > 0;
}

}  // namespace

FloatRows rows_of(const torch::Tensor& tensor, std::int64_t width, const char* what) {
  if (!tensor.defined() || tensor.dim() < 1 || width < 1 ||
      tensor.numel() != tensor.size(0) * width) {
    throw InputError(fmt::format("metrics: the {} have shape {}, but the data needs [n, {}]", what,
                                 tensor.defined() ? shape_of(tensor) : "(undefined)", width));
  }
  const torch::Tensor rows = to_host_tensor(tensor);
  return {rows, tensor.size(0), width};
}

FloatRows output_rows(const DataSpec& spec, const torch::Tensor& outputs) {
  return rows_of(outputs, spec.task == Task::binary ? 1 : spec.outputs, "outputs");
}

std::vector<std::int64_t> class_targets(const DataSpec& spec, const torch::Tensor& target) {
  return spec.task == Task::binary ? targets_of_two(target)
                                   : targets_of_classes(target, spec.outputs);
}

std::int64_t predicted_class(const DataSpec& spec, std::span<const float> outputs) {
  return spec.task == Task::binary ? predicted_side(outputs[0]) : largest_of(outputs);
}

}  // namespace convoy
