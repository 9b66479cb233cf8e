#include "engine/checkpoint_state.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <map>

#include "convoy/core/error.hpp"

namespace convoy {
namespace {

torch::Tensor piece(const torch::Tensor& flat, const ParameterInfo& parameter) {
  return flat.narrow(0, parameter.offset, parameter.count).view(parameter.shape);
}

class TensorReader {
 public:
  TensorReader(const CheckpointState& state, const std::string& file, const Compute& device)
      : file_(file), device_(device) {
    for (const auto& [name, tensor] : state.tensors) tensors_.emplace(name, tensor);
  }

  void read(const std::string& name, const torch::Tensor& into) {
    const auto found = tensors_.find(name);
    if (found == tensors_.end()) {
      throw InputError(fmt::format(
          "{}: is a checkpoint of another model or optimizer: it has no {}", file_, name));
    }
    if (found->second.sizes() != into.sizes() ||
        found->second.scalar_type() != into.scalar_type()) {
      throw InputError(
          fmt::format("{}: is a checkpoint of another model: {} is [{}] there and [{}] here", file_,
                      name, fmt::join(found->second.sizes(), ", "), fmt::join(into.sizes(), ", ")));
    }
    device_.assign(into, found->second);
    tensors_.erase(found);
  }

  void require_all_read() const {
    if (tensors_.empty()) return;
    throw InputError(
        fmt::format("{}: is a checkpoint of another model or optimizer: this one has no {}", file_,
                    tensors_.begin()->first));
  }

 private:
  std::string file_;
  const Compute& device_;
  std::map<std::string, torch::Tensor> tensors_;
};

}  // namespace

CheckpointState capture_state(const FlatParameters& weights,
                              const std::vector<torch::Tensor>& states, std::int64_t step) {
  const Compute& device = weights.device();
  CheckpointState state;
  state.step = step;
  for (const ParameterInfo& parameter : weights.parameters()) {
    state.tensors.emplace_back("parameter/" + parameter.name,
                               device.host_copy(weights.view(parameter)));
  }
  for (const auto& [name, tensor] : weights.buffers())
    state.tensors.emplace_back("buffer/" + name, device.host_copy(tensor));
  for (std::size_t k = 0; k < states.size(); ++k) {
    const torch::Tensor flat = device.to_host(states[k]);
    for (const ParameterInfo& parameter : weights.parameters()) {
      if (!parameter.trainable) continue;
      state.tensors.emplace_back(fmt::format("optimizer{}/{}", k, parameter.name),
                                 piece(flat, parameter));
    }
  }
  return state;
}

void restore_state(const CheckpointState& state, const std::string& file, FlatParameters& weights,
                   std::vector<torch::Tensor>& states) {
  TensorReader reader(state, file, weights.device());
  for (const ParameterInfo& parameter : weights.parameters())
    reader.read("parameter/" + parameter.name, weights.view(parameter));
  for (auto& [name, tensor] : weights.buffers()) reader.read("buffer/" + name, tensor);
  for (std::size_t k = 0; k < states.size(); ++k) {
    for (const ParameterInfo& parameter : weights.parameters()) {
      if (parameter.trainable)
        reader.read(fmt::format("optimizer{}/{}", k, parameter.name), piece(states[k], parameter));
    }
  }
  reader.require_all_read();
}

}  // namespace convoy
