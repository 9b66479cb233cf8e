#pragma once
#include "convoy/core/tensor.hpp"

namespace convoy {

/// The tensor, or a copy of it that starts a cache line where kernels would round by where it lies:
/// when MKL could not be told not to (prepare_kernels). For what comes from outside: batches.
torch::Tensor aligned(torch::Tensor tensor);

}  // namespace convoy
