#pragma once
// The names of libtorch's types, for headers that hand them on and look at none: descriptions of
// options are read without libtorch.
namespace at {
class Tensor;
}  // namespace at

namespace torch {
using at::Tensor;
namespace nn {
class AnyModule;
class Module;
}  // namespace nn
}  // namespace torch
