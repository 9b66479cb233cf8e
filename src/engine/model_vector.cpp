#include "engine/model_vector.hpp"

#include <algorithm>

#include "compute/host_tensor.hpp"

namespace convoy {

ModelVector::ModelVector(FlatParameters& weights) : weights_(weights) {
  for (const ParameterInfo& parameter : weights_.parameters()) {
    if (parameter.trainable) parameters_ += static_cast<std::size_t>(parameter.count);
  }
  size_ = parameters_;
  for (const auto& [name, tensor] : weights_.buffers()) {
    if (tensor.is_floating_point()) size_ += static_cast<std::size_t>(tensor.numel());
  }
}

void ModelVector::read(std::span<Element> values) const {
  Element* at = values.data();
  for (const ParameterInfo& parameter : weights_.parameters()) {
    if (!parameter.trainable) continue;
    weights_.device().copy(at, weights_.data() + parameter.offset, parameter.count);
    at += parameter.count;
  }
  for (const auto& [name, tensor] : weights_.buffers()) {
    if (!tensor.is_floating_point()) continue;
    const torch::Tensor flat = to_host_tensor(tensor);
    at = std::copy_n(values_of(flat).data(), flat.numel(), at);
  }
}

void ModelVector::write(std::span<const Element> values) {
  const torch::NoGradGuard no_grad;
  const Element* at = values.data();
  for (const ParameterInfo& parameter : weights_.parameters()) {
    if (!parameter.trainable) continue;
    weights_.device().copy(weights_.data() + parameter.offset, at, parameter.count);
    at += parameter.count;
  }
  for (auto& [name, tensor] : weights_.buffers()) {
    if (!tensor.is_floating_point()) continue;
    const auto count = static_cast<std::size_t>(tensor.numel());
    tensor.copy_(host_view({at, count}, tensor.sizes()));
    at += count;
  }
}

std::vector<PowerSgd::Matrix> ModelVector::matrices() const {
  std::vector<PowerSgd::Matrix> found;
  std::size_t begin = 0;
  for (const ParameterInfo& parameter : weights_.parameters()) {
    if (!parameter.trainable) continue;
    if (parameter.shape.size() >= 2 && parameter.count > 0)
      found.push_back({begin, parameter.shape[0], parameter.count / parameter.shape[0]});
    begin += static_cast<std::size_t>(parameter.count);
  }
  return found;
}

}  // namespace convoy
