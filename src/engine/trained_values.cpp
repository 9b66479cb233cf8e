#include "engine/trained_values.hpp"

#include <algorithm>

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

void TrainedValues::read(std::span<float> values) const {
  float* at = values.data();
  for (const Segment& segment : weights_.segments()) {
    if (segment.trainable) at = std::copy_n(weights_.data() + segment.offset, segment.count, at);
  }
  for (const auto& [name, tensor] : weights_.buffers()) {
    if (!tensor.is_floating_point()) continue;
    const torch::Tensor flat = tensor.to(torch::kFloat).contiguous();
    at = std::copy_n(flat.data_ptr<float>(), flat.numel(), at);
  }
}

void TrainedValues::write(std::span<const float> values) {
  const torch::NoGradGuard no_grad;
  const float* at = values.data();
  for (const Segment& segment : weights_.segments()) {
    if (!segment.trainable) continue;
    std::copy_n(at, segment.count, weights_.data() + segment.offset);
    at += segment.count;
  }
  for (auto& [name, tensor] : weights_.buffers()) {
    if (!tensor.is_floating_point()) continue;
    torch::Tensor flat = torch::empty({tensor.numel()});
    std::copy_n(at, flat.numel(), flat.data_ptr<float>());
    tensor.copy_(flat.view(tensor.sizes()));
    at += flat.numel();
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
