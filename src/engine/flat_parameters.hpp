#pragma once
// The one copy of the weights that a worker's replicas share, and the buffers (running statistics)
// beside it.
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "convoy/compute/compute.hpp"
#include "convoy/core/tensor.hpp"
#include "convoy/model/model.hpp"

namespace convoy {

/// What tensors among the weights, and owners' parts of the state, begin at: a cache line.
constexpr std::int64_t line_of_floats = 16;

/// A parameter's place in the flat array.
struct ParameterInfo {
  std::string name;
  std::vector<std::int64_t> shape;
  std::int64_t offset =
      0;  ///< in elements; a multiple of 16, so that every parameter starts a cache line
  std::int64_t count = 0;
  bool trainable = true;
};

/// All parameters in one flat array, in registration order. Replicas' modules are bound to it:
/// their parameters become views. Not synchronised: the step's phases keep readers and writers
/// apart.
class FlatParameters {
 public:
  /// Copies the values of `reference`. Throws InputError when a parameter does not fit the device.
  explicit FlatParameters(torch::nn::Module& reference, const Compute& device = host_compute());

  /// Where they are, and the state and gradients that belong to them.
  const Compute& device() const { return device_; }

  /// Makes the parameters of a module of the same structure views of the flat array, without
  /// gradients.
  void bind(torch::nn::Module& module);

  Element* data() const { return device_.data(flat_); }
  /// All of them, padding included: [size].
  const torch::Tensor& flat() const { return flat_; }

  /// The weights after the step, laid out as they are, while the ones before it are still there:
  /// what is not trainable has its values already, the rest is to be written.
  Element* next();
  /// What next() holds become the weights, of all modules that are bound too.
  void commit_next();

  /// `weights` and `next` are the weights and next() from now on, of all modules that are bound
  /// too: buffers of the device that others have as well, and that hold the weights, both of them.
  void share(const torch::Tensor& weights, const torch::Tensor& next);
  bool shared() const { return shared_; }
  /// Before the weights are written elsewhere than in next(), and when whoever shares them may go
  /// on alone: they are in memory of their own again, and next() is made anew.
  void separate();

  std::int64_t size() const { return flat_.numel(); }  ///< padding included
  std::int64_t parameter_count() const;                ///< padding not included
  const std::vector<ParameterInfo>& parameters() const { return parameters_; }

  /// The step's buffers; written by the Trainer between steps.
  std::vector<NamedTensor>& buffers() { return buffers_; }
  const std::vector<NamedTensor>& buffers() const { return buffers_; }
  void copy_buffers_to(torch::nn::Module& module) const;

  /// A view of one parameter in its shape.
  torch::Tensor view(const ParameterInfo& parameter) const;

  /// SHA-256 over the bytes of every parameter, then every buffer, in registration order.
  std::string sha256() const;

 private:
  const Compute& device_;
  torch::Tensor flat_;
  torch::Tensor next_;  // undefined: not needed so far
  bool shared_ = false;
  std::vector<ParameterInfo> parameters_;
  std::vector<NamedTensor> buffers_;
};

/// The buffers that are not float.
std::vector<torch::Tensor> counters_of(const FlatParameters& weights);

}  // namespace convoy
