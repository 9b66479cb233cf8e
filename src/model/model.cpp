#include "convoy/model/model.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <torch/nn.h>

#include <algorithm>
#include <functional>
#include <numeric>

#include "convoy/core/error.hpp"
#include "convoy/model/initialisation.hpp"
#include "convoy/model/layer.hpp"
#include "convoy/model/model_kind.hpp"
#include "convoy/model/sequence_lengths.hpp"
#include "model/assemble.hpp"
#include "model/linear_without_weight.hpp"

namespace convoy {

std::string layer_name(const std::vector<LayerOptions>& layers, std::size_t number) {
  return fmt::format("{}_{}", number, layers[number].kind);
}

std::int64_t flat_size(const Shape& shape) {
  return std::accumulate(shape.begin(), shape.end(), std::int64_t{1}, std::multiplies<>());
}

const LayerTraits& traits_of(const LayerOptions& layer) {
  static const LayerTraits none;
  const auto found = layers().all().find(layer.kind);
  return found == layers().all().end() ? none : found->second.traits;
}

namespace {

torch::nn::AnyModule make_layer(const LayerOptions& layer, Shape& shape,
                                const LayerContext& context) {
  const LayerKind& kind = layers().get(layer.kind);
  return kind.make(layer.own.empty() ? kind.options : layer.own, shape, context);
}

}  // namespace

torch::nn::Sequential assemble(const std::vector<LayerOptions>& layers, Shape& shape,
                               const LayerMaker& make) {
  torch::nn::Sequential net;
  const LayerContext context{std::make_shared<SequenceLengths>()};
  context.lengths->cut = std::any_of(layers.begin(), layers.end(), [](const LayerOptions& layer) {
    return traits_of(layer).sequences;
  });
  for (std::size_t i = 0; i < layers.size(); ++i) {
    try {
      torch::nn::AnyModule layer;
      if (make) layer = make(i, shape);
      if (layer.is_empty()) layer = make_layer(layers[i], shape, context);
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

std::vector<LayerOptions> expand_layers(const ModelOptions& options, const DataSpec& spec) {
  const ModelKind& kind = models().get(options.kind);
  if (kind.expand) return kind.expand(options.own.empty() ? kind.options : options.own, spec);
  throw InputError(fmt::format("model.kind: {} has no list of layers; use another", kind.name));
}

namespace {

Network network_of_layers(const std::vector<LayerOptions>& layers, const DataSpec& spec,
                          const std::string& init) {
  Shape shape = spec.feature_shape;
  torch::nn::Sequential net = assemble(layers, shape);
  initialise(*net, init);
  return {net.ptr(),
          [raw = net.get()](const torch::Tensor& features) { return raw->forward(features); }};
}

// Of a network whose shapes nobody knows before: what it gives two samples.
void require_outputs(Network network, const DataSpec& spec, const std::string& kind) {
  std::vector<std::int64_t> shape = spec.feature_shape;
  shape.insert(shape.begin(), 2);
  const torch::NoGradGuard no_grad;
  network.module->eval();
  const std::vector<std::int64_t> given = network.forward(torch::zeros(shape)).sizes().vec();
  if (given == std::vector<std::int64_t>{2, spec.outputs}) return;
  throw InputError(fmt::format("model.kind: {} gives [{}] for two samples, the data needs [2, {}]",
                               kind, fmt::join(given, ", "), spec.outputs));
}

ModelFactory factory_of_kind(const ModelKind& kind, const ModelOptions& options,
                             const DataSpec& spec) {
  if (!kind.make) {
    throw InputError(fmt::format(
        "model.kind: {} makes nothing; its registration needs `expand` or `make`", kind.name));
  }
  ModelFactory factory = [make = kind.make, own = options.own.empty() ? kind.options : options.own,
                          spec, init = options.init] {
    Network network = make(own, spec);
    initialise(*network.module, init);
    return network;
  };
  // Complains now, not in a replica.
  Network tried;
  try {
    tried = factory();
  } catch (const InputError& error) {
    throw InputError(fmt::format("model.kind: {}: {}", kind.name, error.what()));
  }
  require_outputs(std::move(tried), spec, kind.name);
  return factory;
}

}  // namespace

ModelFactory build_model(const ModelOptions& options, const DataSpec& spec) {
  const ModelKind& kind = models().get(options.kind);
  if (!kind.expand) return factory_of_kind(kind, options, spec);
  const std::vector<LayerOptions> layers = expand_layers(options, spec);
  Shape shape = spec.feature_shape;
  assemble(layers, shape);  // complains now, not in a replica
  require_output_shape(shape, spec);
  return [layers, spec, init = options.init] { return network_of_layers(layers, spec, init); };
}

namespace {

// As torch::nn::init takes them.
Fans fans_of(const torch::Tensor& weight) {
  const std::int64_t window =
      weight.numel() / std::max<std::int64_t>(1, weight.size(0) * weight.size(1));
  return {weight.size(1) * window, weight.size(0) * window};
}

}  // namespace

void initialise(torch::nn::Module& module, const std::string& init) {
  const InitialisationKind& kind = initialisations().get(init);
  if (!kind.fill) return;
  const torch::NoGradGuard no_grad;
  for (const auto& part : module.modules(/*include_self=*/true)) {
    if (part->as<torch::nn::BatchNorm1d>() || part->as<torch::nn::BatchNorm2d>() ||
        part->as<torch::nn::LayerNorm>()) {
      continue;
    }
    if (auto* rest = part->as<LinearWithoutWeightImpl>()) {
      rest->initialise(kind);
      continue;
    }
    for (auto& item : part->named_parameters(/*recurse=*/false)) {
      torch::Tensor& weight = item.value();
      if (weight.dim() < 2) {
        weight.zero_();
      } else {
        kind.fill(weight, fans_of(weight));
      }
    }
  }
}

}  // namespace convoy
