#include "lanes/sums.hpp"

#include <array>
#include <cmath>

#include "core/vectorise.hpp"

namespace convoy {
namespace {

constexpr int lanes_of_sum = 16;  // partial sums kept side by side, one vector register of floats

CONVOY_VECTORISE void squares_loop(const float* values, std::int64_t count, float* partial) {
  for (std::int64_t i = 0; i < count; i += lanes_of_sum) {
    for (int k = 0; k < lanes_of_sum; ++k) partial[k] += values[i + k] * values[i + k];
  }
}

double exact_sum_of_squares(const float* values, std::int64_t count) {
  double sum = 0;
  for (std::int64_t i = 0; i < count; ++i) sum += static_cast<double>(values[i]) * values[i];
  return sum;
}

}  // namespace

CONVOY_VECTORISE void add_into(float* __restrict into, const float* __restrict from,
                               std::int64_t count) {
  for (std::int64_t i = 0; i < count; ++i) into[i] += from[i];
}

double sum_of_squares(const float* values, std::int64_t count) {
  std::array<float, lanes_of_sum> partial{};
  const std::int64_t whole = count / lanes_of_sum * lanes_of_sum;
  squares_loop(values, whole, partial.data());
  for (std::int64_t i = whole; i < count; ++i) partial[i - whole] += values[i] * values[i];
  double sum = 0;
  for (const float part : partial) sum += part;
  // Large finite elements overflow in float; doubles hold the square of any
  // float.
  return std::isfinite(sum) ? sum : exact_sum_of_squares(values, count);
}

}  // namespace convoy
