#pragma once
// Models: something that makes networks. Each replica gets a network of its own, whose parameters
// Convoy then lets share one copy of the weights.
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "convoy/core/tensor.hpp"
#include "convoy/data/dataset/dataset.hpp"
#include "convoy/model/options.hpp"

#pragma GCC visibility push(default)

namespace convoy {

/// One instance of a model: any torch::nn::Module and how to call it on a batch of features.
struct Network {
  std::shared_ptr<torch::nn::Module> module;
  std::function<torch::Tensor(const torch::Tensor&)> forward;
};

/// Makes a new network with the same structure at each call. Called once for every replica, from
/// any thread.
using ModelFactory = std::function<Network()>;

/// The factory for a module class of the user's: Net(arguments...) with `torch::Tensor
/// forward(torch::Tensor)`.
template <class Net, class... Arguments>
ModelFactory model_factory(Arguments... arguments) {
  return [arguments...] {
    auto net = std::make_shared<Net>(arguments...);
    return Network{
        net, [raw = net.get()](const torch::Tensor& features) { return raw->forward(features); }};
  };
}

/// The factory for the job's `model` keys, for samples as `spec` says. It is tried once, a kind
/// that makes its network itself on two made-up samples. Throws InputError which names the layer
/// when the shapes do not fit.
ModelFactory build_model(const ModelOptions& options, const DataSpec& spec);

/// The layers that `options` stands for, output layer included. Throws InputError for a kind that
/// makes its network itself.
std::vector<LayerOptions> expand_layers(const ModelOptions& options, const DataSpec& spec);

struct NamedTensor {
  std::string name;
  torch::Tensor tensor;
};

/// The distinct parameters (buffers) of a module in registration order: tied ones once.
std::vector<NamedTensor> distinct_parameters(torch::nn::Module& module);
std::vector<NamedTensor> distinct_buffers(torch::nn::Module& module);

/// SHA-256 over the bytes of every parameter, then every buffer, in registration order.
std::string weights_sha256(torch::nn::Module& module);

/// Module::train(training), for sources that do not include libtorch's modules.
void set_training(torch::nn::Module& module, bool training);

/// Whether a batch-norm layer is inside, which needs two samples a lane.
bool has_batch_norm(torch::nn::Module& module);

/// Initialises weights of two or more dimensions by one of initialisations()
/// (convoy/model/initialisation.hpp); biases become zero. Normalisation layers are left alone.
/// Throws InputError for a name that there is not.
void initialise(torch::nn::Module& module, const std::string& init);

}  // namespace convoy

#pragma GCC visibility pop
