#pragma once
// Layers on sequences of different lengths.
//
// A sample is a row of numbers, tokens, of which the last ones may be -1: padding. `embedding`
// finds out how long each sample of a batch is, cuts off what is padding in all of them, and says
// so in the network's SequenceLengths; what padding holds does not reach the result of the layers
// after it.
#include <torch/nn.h>

#include <memory>

#include "convoy/model/options.hpp"
#include "model/layers.hpp"

namespace convoy {

/// What the layers of one network know of the batch that is under way. Not thread-safe, as a
/// network is not.
struct SequenceLengths {
  bool cut = false;       ///< layers that can bear it come later: samples may be shortened
  torch::Tensor lengths;  ///< int64 [n], each 1 or more; undefined: no sample has padding
};

/// Whether the layer is one of those that take sequences of any length: gru, lstm, transformer,
/// positions, pool_time.
bool is_sequence_layer(const std::string& kind);

/// `embedding`, and those of is_sequence_layer. As make_layer.
torch::nn::AnyModule make_sequence_layer(const LayerOptions& options, Shape& shape,
                                         const std::shared_ptr<SequenceLengths>& lengths);

}  // namespace convoy
