#pragma once
// One layer of `model.layers`.
#include <torch/nn.h>

#include <cstdint>
#include <vector>

#include "convoy/job/job.hpp"

namespace convoy {

using Shape = std::vector<std::int64_t>;

/// Makes the layer for input samples of `shape` (no batch dimension) and replaces `shape` by what
/// it gives. Throws InputError saying what the layer needs and what it got.
torch::nn::AnyModule make_layer(const LayerOptions& options, Shape& shape);

}  // namespace convoy
