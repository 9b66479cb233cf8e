// Declared in convoy/model/model.hpp.
#include <torch/nn/modules/batchnorm.h>

#include <algorithm>

#include "convoy/core/checksum.hpp"
#include "convoy/model/model.hpp"
#include "core/tensor_bytes.hpp"

namespace convoy {
namespace {

std::vector<NamedTensor> distinct(const torch::OrderedDict<std::string, torch::Tensor>& items) {
  std::vector<NamedTensor> out;
  for (const auto& item : items) {
    const auto same = [&](const NamedTensor& other) { return other.tensor.is_same(item.value()); };
    if (item.value().defined() && std::none_of(out.begin(), out.end(), same))
      out.push_back({item.key(), item.value()});
  }
  return out;
}

}  // namespace

std::vector<NamedTensor> distinct_parameters(torch::nn::Module& module) {
  return distinct(module.named_parameters());
}
std::vector<NamedTensor> distinct_buffers(torch::nn::Module& module) {
  return distinct(module.named_buffers());
}

std::string weights_sha256(torch::nn::Module& module) {
  Sha256 hash;
  for (const auto& tensors : {distinct_parameters(module), distinct_buffers(module)}) {
    for (const auto& [name, tensor] : tensors) {
      const torch::Tensor dense = tensor.detach().contiguous();
      hash.update(bytes_of(dense));
    }
  }
  return hash.finish();
}

void set_training(torch::nn::Module& module, bool training) {
  module.train(training);
}

bool has_batch_norm(torch::nn::Module& module) {
  for (const auto& part : module.modules()) {
    if (part->as<torch::nn::BatchNorm1d>() || part->as<torch::nn::BatchNorm2d>()) return true;
  }
  return false;
}

}  // namespace convoy
