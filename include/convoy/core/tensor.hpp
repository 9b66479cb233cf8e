#pragma once
// libtorch's tensors without the rest of libtorch: reading <torch/torch.h> costs 17 s of
// compilation a source file, this 3 s. Sources that need modules or the whole of autograd include
// what they need beside it.
#include <ATen/core/TensorBody.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/from_blob.h>
#include <ATen/ops/tensor.h>
#include <ATen/ops/zeros.h>
#include <ATen/ops/zeros_like.h>

// As in <torch/types.h>.
namespace torch {
using namespace at;  // NOLINT(google-build-using-namespace)
namespace nn {
class Module;
}  // namespace nn
}  // namespace torch
