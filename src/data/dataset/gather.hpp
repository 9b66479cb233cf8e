#pragma once
// Rows of a tensor by number.
#include <cstdint>
#include <span>

#include "convoy/core/tensor.hpp"

namespace convoy {

/// Throws InputError when a sample number is not in 0 .. size-1.
void require_samples(std::span<const std::int64_t> samples, std::int64_t size);

/// A new tensor of these rows of a contiguous CPU tensor.
torch::Tensor gather_rows(const torch::Tensor& tensor, std::span<const std::int64_t> rows);

}  // namespace convoy
