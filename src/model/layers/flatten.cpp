// Each sample as one vector.
#include <torch/nn.h>

#include "convoy/model/layer.hpp"
#include "model/assemble.hpp"

namespace convoy {
namespace {

const schema::Registered flatten_layer(
    layers(), LayerKind{{.name = "flatten", .doc = "each sample becomes one vector"},
                        [](const schema::AnyOptions&, Shape& shape, const LayerContext&) {
                          shape = {flat_size(shape)};
                          return torch::nn::AnyModule(torch::nn::Flatten());
                        },
                        {.flattens = true}});

}  // namespace
}  // namespace convoy
