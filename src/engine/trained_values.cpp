#include "engine/trained_values.hpp"

#include <algorithm>

#include "compute/host_tensor.hpp"

namespace convoy {

TrainedValues::TrainedValues(SharedWeights& weights) : weights_(weights) {
  for (const Segment& segment : weights_.segments()) {
    if (segment.trainable) parameters_ += static_cast<std::size_t>(segment.count);
  }
  size_ = parameters_;
  for (const auto& [name, tensor] : weights_.buffers()) {
    if (tensor.is_floating_point()) size_ += static_cast<std::size_t>(tensor.numel());
  }
}

void TrainedValues::read(std::span<Element> values) const {
  Element* at = values.data();
  for (const Segment& segment : weights_.segments()) {
    if (!segment.trainable) continue;
    weights_.device().copy(at, weights_.data() + segment.offset, segment.count);
    at += segment.count;
  }
  for (const auto& [name, tensor] : weights_.buffers()) {
    if (!tensor.is_floating_point()) continue;
    const torch::Tensor flat = to_host_tensor(tensor);
    at = std::copy_n(values_of(flat).data(), flat.numel(), at);
  }
}

void TrainedValues::write(std::span<const Element> values) {
  const torch::NoGradGuard no_grad;
  const Element* at = values.data();
  for (const Segment& segment : weights_.segments()) {
    if (!segment.trainable) continue;
    weights_.device().copy(weights_.data() + segment.offset, at, segment.count);
    at += segment.count;
  }
  for (auto& [name, tensor] : weights_.buffers()) {
    if (!tensor.is_floating_point()) continue;
    const auto count = static_cast<std::size_t>(tensor.numel());
    tensor.copy_(host_view({at, count}, tensor.sizes()));
    at += count;
  }
}

std::vector<PowerSgd::Matrix> TrainedValues::matrices() const {
  std::vector<PowerSgd::Matrix> found;
  std::size_t begin = 0;
  for (const Segment& segment : weights_.segments()) {
    if (!segment.trainable) continue;
    if (segment.shape.size() >= 2 && segment.count > 0)
      found.push_back({begin, segment.shape[0], segment.count / segment.shape[0]});
    begin += static_cast<std::size_t>(segment.count);
  }
  return found;
}

}  // namespace convoy
