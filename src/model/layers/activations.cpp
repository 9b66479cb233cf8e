// Functions of each number by itself.
#include <torch/nn.h>

#include "convoy/model/layer.hpp"

namespace convoy {
namespace {

template <class Module>
LayerKind activation_kind(std::string name, std::string doc) {
  return {{.name = std::move(name), .doc = std::move(doc)},
          [](const schema::AnyOptions&, Shape&, const LayerContext&) {
            return torch::nn::AnyModule(Module());
          },
          {.activation = true}};
}

const schema::Registered relu_layer(layers(),
                                    activation_kind<torch::nn::ReLU>("relu", "max(x, 0)"));
const schema::Registered gelu_layer(
    layers(),
    activation_kind<torch::nn::GELU>("gelu", "x times the normal distribution function of x"));
const schema::Registered tanh_layer(layers(),
                                    activation_kind<torch::nn::Tanh>("tanh", "hyperbolic tangent"));
const schema::Registered sigmoid_layer(layers(),
                                       activation_kind<torch::nn::Sigmoid>("sigmoid",
                                                                           "1 / (1 + exp(-x))"));
const schema::Registered silu_layer(layers(),
                                    activation_kind<torch::nn::SiLU>("silu", "x times sigmoid(x)"));
const schema::Registered leaky_relu_layer(
    layers(), activation_kind<torch::nn::LeakyReLU>("leaky_relu", "x, or 0.01 x below 0"));
const schema::Registered elu_layer(layers(),
                                   activation_kind<torch::nn::ELU>("elu",
                                                                   "x, or exp(x) - 1 below 0"));
const schema::Registered softplus_layer(layers(),
                                        activation_kind<torch::nn::Softplus>("softplus",
                                                                             "log(1 + exp(x))"));

}  // namespace
}  // namespace convoy
