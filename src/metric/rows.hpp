#pragma once
// Outputs and targets of samples as numbers in memory.
#include <cstdint>
#include <span>
#include <vector>

#include "compute/host_tensor.hpp"
#include "convoy/core/tensor.hpp"
#include "convoy/data/dataset/spec.hpp"
#include "convoy/metric/metric_kind.hpp"

namespace convoy {

// Beyond this many classes neither a matrix of counts nor one sort a class is worth what it costs.
inline constexpr std::int64_t most_classes_in_detail = 1000;
inline constexpr std::int64_t no_prediction = -1;

/// A tensor as rows of floats.
struct FloatRows {
  torch::Tensor tensor;
  std::int64_t count = 0;
  std::int64_t width = 0;
  std::span<const float> operator[](std::int64_t row) const {
    return values_of(tensor).subspan(static_cast<std::size_t>(row * width),
                                     static_cast<std::size_t>(width));
  }
};

/// `what`: of messages. Throws InputError where the shape is another.
FloatRows rows_of(const torch::Tensor& tensor, std::int64_t width, const char* what);

/// The outputs of a model for such data, one logit a class or output.
FloatRows output_rows(const DataSpec& spec, const torch::Tensor& outputs);

/// Class numbers, of a yes or no 0 and 1. Throws InputError where one is impossible.
std::vector<std::int64_t> class_targets(const DataSpec& spec, const torch::Tensor& target);

/// What a row of outputs says: a class number, or no_prediction where an output is not a number.
std::int64_t predicted_class(const DataSpec& spec, std::span<const float> outputs);

}  // namespace convoy
