#pragma once
// From a list of layers to a network.
#include <torch/nn.h>

#include <functional>
#include <string>

#include "convoy/data/dataset/spec.hpp"
#include "convoy/model/layer.hpp"

namespace convoy {

/// Makes another layer in the place of layer `number`, as LayerKind::make does; an empty one: as
/// usual.
using LayerMaker = std::function<torch::nn::AnyModule(std::size_t number, Shape& shape)>;

/// The network, and in `shape` what it gives a sample. Throws InputError naming the layer.
torch::nn::Sequential assemble(const std::vector<LayerOptions>& layers, Shape& shape,
                               const LayerMaker& make = {});

/// The name of a layer within the network.
std::string layer_name(const std::vector<LayerOptions>& layers, std::size_t number);

/// What is asked of a layer's kind; of one that there is not, nothing.
const LayerTraits& traits_of(const LayerOptions& layer);

/// Elements of a sample of this shape.
std::int64_t flat_size(const Shape& shape);

/// Throws InputError unless that is what the data needs.
void require_output_shape(const Shape& shape, const DataSpec& spec);

}  // namespace convoy
