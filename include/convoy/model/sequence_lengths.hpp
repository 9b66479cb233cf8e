#pragma once
// What layers on sequences of different lengths know of each other.
//
// A sample is a row of numbers, tokens, of which the last ones may be -1: padding. `embedding`
// finds out how long each sample of a batch is, cuts off what is padding in all of them, and says
// so here; what padding holds does not reach the result of the layers after it.
#include "convoy/core/tensor.hpp"

#pragma GCC visibility push(default)

namespace convoy {

/// Of the batch that is under way in one network. Not thread-safe, as a network is not.
struct SequenceLengths {
  bool cut = false;       ///< layers that can bear it come later: samples may be shortened
  torch::Tensor lengths;  ///< int64 [n], each 1 or more; undefined: no sample has padding
};

}  // namespace convoy

#pragma GCC visibility pop
