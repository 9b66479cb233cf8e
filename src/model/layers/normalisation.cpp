// Batch normalisation (Ioffe & Szegedy 2015) and layer normalisation (Ba et al. 2016).
#include <torch/nn.h>

#include "convoy/model/layer.hpp"

namespace convoy {
namespace {

torch::nn::AnyModule make_batch_norm(const schema::AnyOptions&, Shape& shape, const LayerContext&) {
  if (shape.size() == 1) return torch::nn::AnyModule(torch::nn::BatchNorm1d(shape[0]));
  require_dimensions(shape, 3, "flat samples or images [channels, height, width]");
  return torch::nn::AnyModule(torch::nn::BatchNorm2d(shape[0]));
}

torch::nn::AnyModule make_layer_norm(const schema::AnyOptions&, Shape& shape, const LayerContext&) {
  // Of a sequence each position by itself.
  const Shape normalised = shape.size() == 2 ? Shape{shape[1]} : shape;
  return torch::nn::AnyModule(torch::nn::LayerNorm(torch::nn::LayerNormOptions(normalised)));
}

const schema::Registered batch_norm_layer(
    layers(), LayerKind{{.name = "batch_norm",
                         .doc = "normalises each channel or feature over the samples of a lane"},
                        make_batch_norm});
const schema::Registered layer_norm_layer(
    layers(), LayerKind{{.name = "layer_norm", .doc = "normalises each sample over its features"},
                        make_layer_norm});

}  // namespace
}  // namespace convoy
