#include "convoy/model/columns.hpp"

#include <fmt/format.h>

#include "convoy/core/error.hpp"
#include "model/assemble.hpp"
#include "model/linear_without_weight.hpp"

namespace convoy {
namespace {

LinearForm form_of(const LayerOptions& layer) {
  return traits_of(layer).linear(layer.own.empty() ? convoy::layers().get(layer.kind).options
                                                   : layer.own);
}

std::size_t first_linear(const std::vector<LayerOptions>& layers) {
  std::size_t first = 0;
  while (first < layers.size() && traits_of(layers[first]).flattens) ++first;
  if (first < layers.size() && traits_of(layers[first]).linear) return first;
  throw InputError(fmt::format(
      "partition.by: column cuts the model's first layer, which must be linear, and it is {}; use "
      "model.kind mlp, or begin model.layers with linear, or partition.by row",
      first < layers.size() ? layers[first].kind : "missing"));
}

// The layers from the first linear one on, which is the rest of one; `rest` tells which it is.
Network make_head(const std::vector<LayerOptions>& layers, std::size_t first, Shape& shape,
                  const std::string& init, const std::vector<Range>& keep,
                  LinearWithoutWeight* rest = nullptr) {
  torch::nn::Sequential net =
      assemble(layers, shape, [&](std::size_t number, Shape& own) -> torch::nn::AnyModule {
        if (number < first) {  // products have no shape to flatten
          own = {flat_size(own)};
          return torch::nn::AnyModule(torch::nn::Identity());
        }
        if (number > first) return {};
        const LinearForm form = form_of(layers[first]);
        LinearWithoutWeight made(own[0], form.units, form.bias, keep);
        own = {form.units};
        if (rest != nullptr) *rest = made;
        return torch::nn::AnyModule(made);
      });
  initialise(*net, init);
  return {net.ptr(),
          [raw = net.get()](const torch::Tensor& products) { return raw->forward(products); }};
}

}  // namespace

SplitModel split_model(const ModelOptions& options, const DataSpec& spec) {
  const std::vector<LayerOptions> layers = expand_layers(options, spec);
  const std::size_t first = first_linear(layers);
  if (first == 0 && spec.feature_shape.size() != 1) {
    throw InputError(fmt::format(
        "model: layer 0 (linear): needs flat samples (put a 'flatten' layer before it)"));
  }
  SplitModel model;
  model.features = flat_size(spec.feature_shape);
  model.units = form_of(layers[first]).units;
  model.weight = layer_name(layers, first) + ".weight";
  Shape shape = spec.feature_shape;
  make_head(layers, first, shape, "zeros", {});  // complains now, not in a replica
  require_output_shape(shape, spec);
  model.head = [layers, first, input = spec.feature_shape, init = options.init] {
    Shape own = input;
    return make_head(layers, first, own, init, {});
  };
  model.initial = [layers, first, input = spec.feature_shape,
                   init = options.init](const std::vector<Range>& keep) {
    Shape own = input;
    LinearWithoutWeight rest{nullptr};
    make_head(layers, first, own, init, keep, &rest);
    return rest->kept;
  };
  return model;
}

}  // namespace convoy
