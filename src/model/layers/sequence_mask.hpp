#pragma once
#include <ATen/ops/arange.h>

#include "convoy/model/sequence_lengths.hpp"

namespace convoy {

/// bool [n, length]: what is not padding.
inline torch::Tensor mask_of(const SequenceLengths& lengths, std::int64_t length) {
  return at::arange(length).unsqueeze(0).lt(lengths.lengths.unsqueeze(1));
}

}  // namespace convoy
