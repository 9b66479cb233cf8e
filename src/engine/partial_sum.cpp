#include "engine/partial_sum.hpp"

namespace convoy {
namespace {

// What backward leaves is normally ours alone and laid out like the parameter. Two parameters can
// be left with views of one storage, though (a + b.view(...)), and then adding into one would
// change the other.
torch::Tensor own_dense(const torch::Tensor& gradient, const torch::Tensor& parameter) {
  if (!gradient.defined()) return torch::zeros_like(parameter);
  if (gradient.layout() != torch::kStrided) return gradient.to_dense().contiguous();
  if (gradient.storage().use_count() > 1 || !gradient.is_contiguous()) {
    return gradient.clone(torch::MemoryFormat::Contiguous);
  }
  return gradient;
}

}  // namespace

torch::Tensor take_gradient(const Compute& device, const torch::Tensor& parameter) {
  const torch::NoGradGuard no_grad;
  torch::Tensor gradient = std::move(parameter.mutable_grad());
  parameter.mutable_grad() = torch::Tensor();
  return device.adopt(own_dense(gradient, parameter));
}

PartialSum take_gradients(const Compute& device, const std::vector<torch::Tensor>& trainable,
                          Range node) {
  PartialSum sum;
  sum.node = node;
  sum.gradients.reserve(trainable.size());
  sum.data.reserve(trainable.size());
  for (const torch::Tensor& parameter : trainable)
    sum.gradients.push_back(take_gradient(device, parameter));
  for (const torch::Tensor& gradient : sum.gradients) sum.data.push_back(device.data(gradient));
  return sum;
}

PartialSum zero_gradients(const Compute& device, const std::vector<torch::Tensor>& trainable,
                          std::size_t buffer_values, Range node) {
  for (const torch::Tensor& parameter : trainable) parameter.mutable_grad() = torch::Tensor();
  PartialSum sum = take_gradients(device, trainable, node);
  sum.buffers.assign(buffer_values, 0);
  return sum;
}

void add_sibling(const Compute& device, PartialSum& left, const PartialSum& right) {
  for (std::size_t i = 0; i < left.data.size(); ++i) {
    device.add(left.data[i], right.data[i], left.gradients[i].numel());
  }
  for (std::size_t i = 0; i < left.buffers.size(); ++i) left.buffers[i] += right.buffers[i];
  left.node.end = right.node.end;
}

}  // namespace convoy
