#include "engine/flat_parameters.hpp"

#include <fmt/format.h>

#include "convoy/core/checksum.hpp"
#include "convoy/core/error.hpp"
#include "core/tensor_bytes.hpp"

namespace convoy {
namespace {

void hash_tensor(Sha256& hash, const Compute& device, const torch::Tensor& tensor) {
  const torch::Tensor dense = device.to_host(tensor);
  hash.update(bytes_of(dense));
}

// Whatever is a view of one of them sees from then on what the other one had.
void swap_memory(const torch::Tensor& one, const torch::Tensor& other) {
  const at::Storage& a = one.storage();
  const at::Storage& b = other.storage();
  at::DataPtr memory = a.set_data_ptr(b.set_data_ptr(at::DataPtr()));
  b.set_data_ptr(std::move(memory));
}

}  // namespace

FlatParameters::FlatParameters(torch::nn::Module& reference, const Compute& device)
    : device_(device) {
  std::int64_t size = 0;
  const auto parameters = distinct_parameters(reference);
  for (const auto& [name, tensor] : parameters) {
    if (!device_.fits(tensor)) {
      throw InputError(fmt::format("model: parameter {} is {} on {}; Convoy trains {}", name,
                                   c10::toString(tensor.scalar_type()), tensor.device().str(),
                                   device_.description()));
    }
    parameters_.push_back(
        {name, tensor.sizes().vec(), size, tensor.numel(), tensor.requires_grad()});
    size += (tensor.numel() + line_of_floats - 1) / line_of_floats * line_of_floats;
  }
  flat_ = device_.zeros({size});
  for (std::size_t i = 0; i < parameters.size(); ++i)
    device_.assign(view(parameters_[i]), parameters[i].tensor);
  for (const auto& [name, tensor] : distinct_buffers(reference))
    buffers_.push_back({name, tensor.detach().clone()});
}

torch::Tensor FlatParameters::view(const ParameterInfo& parameter) const {
  return flat_.narrow(0, parameter.offset, parameter.count).view(parameter.shape);
}

void FlatParameters::bind(torch::nn::Module& module) {
  const auto parameters = distinct_parameters(module);
  if (parameters.size() != parameters_.size()) {
    throw InputError("model: the factory made networks with different numbers of parameters");
  }
  for (std::size_t i = 0; i < parameters_.size(); ++i) {
    torch::Tensor parameter = parameters[i].tensor;
    if (parameter.sizes() != parameters_[i].shape) {
      throw InputError(
          fmt::format("model: the factory made networks whose parameter {} differs in shape",
                      parameters_[i].name));
    }
    parameter.set_data(view(parameters_[i]));
    parameter.mutable_grad() = torch::Tensor();
  }
}

Element* FlatParameters::next() {
  if (!next_.defined()) {
    next_ = device_.zeros({size()});
    device_.copy(device_.data(next_), data(), size());
  }
  return device_.data(next_);
}

void FlatParameters::commit_next() {
  swap_memory(flat_, next_);
}

void FlatParameters::share(const torch::Tensor& weights, const torch::Tensor& next) {
  swap_memory(flat_, weights);
  next_ = next;
  shared_ = true;
}

void FlatParameters::separate() {
  next_ = torch::Tensor();
  if (!shared_) return;
  const torch::Tensor own = device_.empty({size()});
  device_.copy(device_.data(own), data(), size());
  swap_memory(flat_, own);
  shared_ = false;
}

std::int64_t FlatParameters::parameter_count() const {
  std::int64_t count = 0;
  for (const ParameterInfo& parameter : parameters_) count += parameter.count;
  return count;
}

void FlatParameters::copy_buffers_to(torch::nn::Module& module) const {
  if (buffers_.empty()) return;
  const torch::NoGradGuard no_grad;
  const auto theirs = distinct_buffers(module);
  for (std::size_t i = 0; i < buffers_.size(); ++i)
    torch::Tensor(theirs[i].tensor).copy_(buffers_[i].tensor);
}

std::string FlatParameters::sha256() const {
  Sha256 hash;
  for (const ParameterInfo& parameter : parameters_) hash_tensor(hash, device_, view(parameter));
  for (const auto& [name, tensor] : buffers_) hash_tensor(hash, device_, tensor);
  return hash.finish();
}

std::vector<torch::Tensor> counters_of(const FlatParameters& weights) {
  std::vector<torch::Tensor> counters;
  for (const auto& [name, tensor] : weights.buffers()) {
    if (!tensor.is_floating_point()) counters.push_back(tensor);
  }
  return counters;
}

}  // namespace convoy
