#pragma once
#include <cstddef>
#include <span>

#include "convoy/core/tensor.hpp"

namespace convoy {

/// A contiguous tensor's memory.
inline std::span<std::byte> bytes_of(const torch::Tensor& tensor) {
  return {static_cast<std::byte*>(tensor.data_ptr()), tensor.nbytes()};
}

}  // namespace convoy
