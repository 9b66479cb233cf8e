#include "convoy/model/model.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <torch/nn.h>

#include <algorithm>
#include <functional>
#include <numeric>

#include "convoy/core/error.hpp"
#include "model/assemble.hpp"
#include "model/linear_without_weight.hpp"
#include "model/sequence_layers.hpp"

namespace convoy {

std::string layer_name(const std::vector<LayerOptions>& layers, std::size_t number) {
  return fmt::format("{}_{}", number, layers[number].kind);
}

std::int64_t flat_size(const Shape& shape) {
  return std::accumulate(shape.begin(), shape.end(), std::int64_t{1}, std::multiplies<>());
}

torch::nn::Sequential assemble(const std::vector<LayerOptions>& layers, Shape& shape,
                               const LayerMaker& make) {
  torch::nn::Sequential net;
  const auto lengths = std::make_shared<SequenceLengths>();
  lengths->cut = std::any_of(layers.begin(), layers.end(), [](const LayerOptions& layer) {
    return is_sequence_layer(layer.kind);
  });
  for (std::size_t i = 0; i < layers.size(); ++i) {
    try {
      torch::nn::AnyModule layer;
      if (make) layer = make(i, layers[i], shape);
      if (layer.is_empty()) layer = make_layer(layers[i], shape, lengths);
      net->push_back(layer_name(layers, i), std::move(layer));
    } catch (const InputError& error) {
      throw InputError(fmt::format("model: layer {} ({}): {}", i, layers[i].kind, error.what()));
    }
  }
  return net;
}

void require_output_shape(const Shape& shape, const DataSpec& spec) {
  if (shape == Shape{spec.outputs}) return;
  throw InputError(fmt::format(
      "model: the last layer gives [{}] a sample, the data has {} {}; end with 'linear: {}'",
      fmt::join(shape, ", "), spec.outputs,
      spec.task == Task::classification ? "classes" : "target value(s)", spec.outputs));
}

namespace {

void push(std::vector<LayerOptions>& layers, std::string kind) {
  layers.push_back({});
  layers.back().kind = std::move(kind);
}

// One hidden block's normalisation, activation and dropout.
void push_activation(std::vector<LayerOptions>& layers, const ModelOptions& options, bool dropout) {
  if (options.batch_norm) push(layers, "batch_norm");
  push(layers, options.activation);
  if (dropout && options.dropout > 0) {
    push(layers, "dropout");
    layers.back().p = options.dropout;
  }
}

}  // namespace

std::vector<LayerOptions> expand_layers(const ModelOptions& options, const DataSpec& spec) {
  std::vector<LayerOptions> layers;
  if (options.kind == "layers") {
    layers = options.layers;
    for (LayerOptions& layer : layers) {
      // Of a text the classes are its tokens.
      if (layer.kind == "embedding" && layer.values == 0) layer.values = spec.outputs;
    }
    return layers;
  }
  if (options.kind == "cnn") {
    for (const std::int64_t channels : options.channels) {
      push(layers, "conv");
      layers.back().channels = channels;
      layers.back().kernel = options.kernel;
      layers.back().padding = options.kernel / 2;
      push_activation(layers, options, false);
      if (options.pool > 1) {
        push(layers, "max_pool");
        layers.back().kernel = options.pool;
      }
    }
  }
  if (options.kind == "cnn" || spec.feature_shape.size() > 1) push(layers, "flatten");
  for (const std::int64_t units : options.hidden) {
    push(layers, "linear");
    layers.back().units = units;
    push_activation(layers, options, true);
  }
  push(layers, "linear");
  layers.back().units = spec.outputs;
  return layers;
}

ModelFactory build_model(const ModelOptions& options, const DataSpec& spec) {
  const std::vector<LayerOptions> layers = expand_layers(options, spec);
  Shape shape = spec.feature_shape;
  assemble(layers, shape);  // complains now, not in a replica
  require_output_shape(shape, spec);
  return [layers, input = spec.feature_shape, init = options.init] {
    Shape shape_of_sample = input;
    torch::nn::Sequential net = assemble(layers, shape_of_sample);
    initialise(*net, init);
    return Network{net.ptr(), [raw = net.get()](const torch::Tensor& features) {
                     return raw->forward(features);
                   }};
  };
}

void initialise(torch::nn::Module& module, const std::string& init) {
  if (init == "default") return;
  const torch::NoGradGuard no_grad;
  for (const auto& part : module.modules(/*include_self=*/true)) {
    if (part->as<torch::nn::BatchNorm1d>() || part->as<torch::nn::BatchNorm2d>() ||
        part->as<torch::nn::LayerNorm>()) {
      continue;
    }
    if (auto* rest = part->as<LinearWithoutWeightImpl>()) {
      rest->initialise(init);
      continue;
    }
    for (auto& item : part->named_parameters(/*recurse=*/false)) {
      torch::Tensor& weight = item.value();
      if (weight.dim() < 2 || init == "zeros") {
        weight.zero_();
      } else if (init == "xavier_uniform") {
        torch::nn::init::xavier_uniform_(weight);
      } else if (init == "xavier_normal") {
        torch::nn::init::xavier_normal_(weight);
      } else if (init == "kaiming_uniform") {
        torch::nn::init::kaiming_uniform_(weight, 0, torch::kFanIn, torch::kReLU);
      } else if (init == "kaiming_normal") {
        torch::nn::init::kaiming_normal_(weight, 0, torch::kFanIn, torch::kReLU);
      } else if (init == "normal") {
        weight.normal_(0, 0.01);
      } else {
        throw InputError(fmt::format("model.init: unknown initialisation '{}'", init));
      }
    }
  }
}

}  // namespace convoy
