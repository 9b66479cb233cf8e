#pragma once
// The gradient of a lane, or of a subtree of lanes: one tensor per trainable parameter, where
// backward left it.
#include <cstdint>
#include <vector>

#include "convoy/compute/compute.hpp"
#include "convoy/core/tensor.hpp"
#include "convoy/lanes/lane.hpp"
#include "engine/flat_parameters.hpp"

namespace convoy {

struct PartialSum {
  Range node;  ///< the lanes it sums, a node of the reduction tree
  std::vector<torch::Tensor>
      gradients;               ///< one per trainable parameter, dense, in the parameter's layout
  std::vector<Element*> data;  ///< their elements
  std::vector<double>
      buffers;  ///< float buffers of all lanes, each times the lane's samples, summed
};

/// Takes the gradients out of a module's parameters (`trainable`, in parameter order). Gradients
/// that backward left undefined count as zeros.
PartialSum take_gradients(const Compute& device, const std::vector<torch::Tensor>& trainable,
                          Range node);

/// The gradient of one parameter, taken out of it: dense, contiguous, nobody else's memory.
torch::Tensor take_gradient(const Compute& device, const torch::Tensor& parameter);

/// All zeros: the gradient of a lane without samples.
PartialSum zero_gradients(const Compute& device, const std::vector<torch::Tensor>& trainable,
                          std::size_t buffer_values, Range node);

/// left += right, for siblings; left becomes their parent node.
void add_sibling(const Compute& device, PartialSum& left, const PartialSum& right);

}  // namespace convoy
