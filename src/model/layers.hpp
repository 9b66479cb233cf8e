#pragma once
// One layer of `model.layers`.
#include <torch/nn.h>

#include <cstdint>
#include <memory>
#include <vector>

#include "convoy/model/options.hpp"

namespace convoy {

using Shape = std::vector<std::int64_t>;

struct SequenceLengths;

/// Makes the layer for input samples of `shape` (no batch dimension) and replaces `shape` by what
/// it gives. `lengths` is shared by the layers of a network (model/sequence_layers). Throws
/// InputError saying what the layer needs and what it got.
torch::nn::AnyModule make_layer(const LayerOptions& options, Shape& shape,
                                const std::shared_ptr<SequenceLengths>& lengths);

}  // namespace convoy
