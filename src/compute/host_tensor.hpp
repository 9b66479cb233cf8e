#pragma once
// Tensors whose elements are read and written here, as float32 in the host's memory: samples,
// predictions, what is kept in files. (Weights, gradients and states: convoy/compute/compute.hpp.)
#include <cstdint>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "convoy/compute/compute.hpp"
#include "convoy/core/tensor.hpp"

namespace convoy {

/// Its elements have not been set.
torch::Tensor host_tensor(at::IntArrayRef sizes);
torch::Tensor host_zeros(at::IntArrayRef sizes);
/// A tensor of the memory itself, which has to outlive it.
torch::Tensor host_view(std::span<const float> values, at::IntArrayRef sizes);

/// Whether it is float32 in the host's memory.
bool is_host_tensor(const torch::Tensor& tensor);
/// Any tensor's values as such a tensor, contiguous, without gradient; itself where it is one.
torch::Tensor to_host_tensor(const torch::Tensor& tensor);
/// The elements of a contiguous host tensor, in order. Throws c10::Error if it is none.
std::span<float> values_of(const torch::Tensor& tensor);

/// The types that files hold tensors of, by the names that they have there.
const std::vector<std::pair<std::string, torch::ScalarType>>& element_types();

/// Any tensor's values, rounded towards zero to whole numbers.
std::vector<std::int64_t> integers_of(const torch::Tensor& tensor);
/// Any tensor's values, in order.
std::vector<double> doubles_of(const torch::Tensor& tensor);

}  // namespace convoy
