#include "compute/kernels.hpp"

#include <array>
#include <cmath>
#include <cstring>

#include "convoy/core/vectorise.hpp"

namespace convoy {
namespace {

constexpr int lanes_of_sum = 16;  // partial sums kept side by side, one vector register of floats

// The attribute keeps the compiler from turning the loop back into a call of memcpy.
CONVOY_VECTORISE __attribute__((optimize("no-tree-loop-distribute-patterns"))) void copy_lines(
    std::byte* __restrict to, const std::byte* __restrict from, std::size_t lines) {
  for (std::size_t i = 0; i < lines * 64; ++i) to[i] = from[i];
}

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

void copy_bytes(std::byte* to, const std::byte* from, std::size_t bytes) {
  constexpr std::size_t line = 64;
  constexpr std::size_t small = 1024;  // memcpy does not use rep movsb below 2 KiB
  if (bytes < small) {
    if (bytes > 0) std::memcpy(to, from, bytes);
    return;
  }
  const std::size_t lines = bytes / line;
  copy_lines(to, from, lines);
  if (bytes % line != 0) std::memcpy(to + lines * line, from + lines * line, bytes % line);
}

void copy_values(float* to, const float* from, std::int64_t count) {
  copy_bytes(reinterpret_cast<std::byte*>(to), reinterpret_cast<const std::byte*>(from),
             static_cast<std::size_t>(count) * sizeof(float));
}

CONVOY_VECTORISE void add_into(float* __restrict into, const float* __restrict from,
                               std::int64_t count) {
  for (std::int64_t i = 0; i < count; ++i) into[i] += from[i];
}

void add_bytes(std::byte* into, const std::byte* from, std::size_t bytes) {
  add_into(reinterpret_cast<float*>(into), reinterpret_cast<const float*>(from),
           static_cast<std::int64_t>(bytes / sizeof(float)));
}

CONVOY_VECTORISE void add_to(float* __restrict sum, const float* __restrict a,
                             const float* __restrict b, std::int64_t count) {
  for (std::int64_t i = 0; i < count; ++i) sum[i] = a[i] + b[i];
}

CONVOY_VECTORISE void subtract_to(float* __restrict difference, const float* __restrict a,
                                  const float* __restrict b, std::int64_t count) {
  for (std::int64_t i = 0; i < count; ++i) difference[i] = a[i] - b[i];
}

CONVOY_VECTORISE void subtract_from(float* __restrict from, const float* __restrict what,
                                    std::int64_t count) {
  for (std::int64_t i = 0; i < count; ++i) from[i] -= what[i];
}

CONVOY_VECTORISE void add_scaled(float* __restrict into, const float* __restrict from, float factor,
                                 std::int64_t count) {
  for (std::int64_t i = 0; i < count; ++i) into[i] += factor * from[i];
}

CONVOY_VECTORISE void scale(float* values, float factor, std::int64_t count) {
  for (std::int64_t i = 0; i < count; ++i) values[i] *= factor;
}

double sum_of_squares(const float* values, std::int64_t count) {
  std::array<float, lanes_of_sum> partial{};
  const std::int64_t whole = count / lanes_of_sum * lanes_of_sum;
  squares_loop(values, whole, partial.data());
  for (std::int64_t i = whole; i < count; ++i) partial[i - whole] += values[i] * values[i];
  double sum = 0;
  for (const float part : partial) sum += part;
  // Large finite elements overflow in float; doubles hold the square of any float.
  return std::isfinite(sum) ? sum : exact_sum_of_squares(values, count);
}

CONVOY_VECTORISE void momentum_step(float* __restrict x, const float* __restrict d,
                                    float* __restrict v, float rate, float momentum, bool nesterov,
                                    std::int64_t count) {
  for (std::int64_t i = 0; i < count; ++i) {
    v[i] = momentum * v[i] + d[i];
    x[i] += rate * (nesterov ? d[i] + momentum * v[i] : v[i]);
  }
}

}  // namespace convoy
