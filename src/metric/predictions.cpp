// Declared in convoy/metric/metrics.hpp.
#include <algorithm>
#include <cmath>

#include "convoy/metric/metrics.hpp"
#include "metric/rows.hpp"

namespace convoy {
namespace {

void softmax_row(std::span<const float> logits, float* result) {
  const double largest = *std::max_element(logits.begin(), logits.end());
  double sum = 0;
  for (const float x : logits) sum += std::exp(x - largest);
  for (std::size_t c = 0; c < logits.size(); ++c)
    result[c] = static_cast<float>(std::exp(logits[c] - largest) / sum);
}

}  // namespace

// Loops of our own: a row's bits must not depend on its place in the tensor, as they do at the end
// of vector kernels.
torch::Tensor to_predictions(const DataSpec& spec, const torch::Tensor& outputs) {
  if (spec.task == Task::regression) return outputs;
  const FloatRows rows = output_rows(spec, outputs);
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
