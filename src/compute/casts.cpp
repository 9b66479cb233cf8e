#include "compute/casts.hpp"

#include <algorithm>
#include <bit>

#include "convoy/core/vectorise.hpp"

namespace convoy {
namespace {

constexpr std::uint32_t sign_bit = 0x80000000U;
constexpr std::uint32_t infinity = 0x7f800000U;
constexpr std::uint32_t half_normal = 0x38800000U;   // 2^-14, the least normal fp16
constexpr std::uint32_t half_largest = 0x477fe000U;  // 65504
constexpr float half_subnormal_unit = 0x1p-24F;

// All branches are selections, which vectors can do.
inline std::uint16_t fp16_bits(float value) {
  const auto bits = std::bit_cast<std::uint32_t>(value);
  const std::uint32_t magnitude = bits & ~sign_bit;
  const std::uint32_t sign = (bits & sign_bit) >> 16;
  const std::uint32_t finite = std::min(magnitude, half_largest);
  // Normal: exponent bias 127 -> 15, ten bits of the mantissa. To nearest even: a carry goes over
  // into the exponent as it should.
  const std::uint32_t normal = (finite - (112U << 23) + 0xfffU + ((finite >> 13) & 1U)) >> 13;
  // Subnormal: adding 0.5 leaves the value in units of 2^-24 in the low bits, rounded by the
  // addition.
  const std::uint32_t half = 0x3f000000U;
  const std::uint32_t subnormal =
      std::bit_cast<std::uint32_t>(std::bit_cast<float>(finite) + 0.5F) - half;
  const std::uint32_t number = finite < half_normal ? subnormal : normal;
  const std::uint32_t special = magnitude > infinity ? 0x7e00U : 0x7c00U;
  return static_cast<std::uint16_t>(sign | (magnitude >= infinity ? special : number));
}

inline float fp16_value(std::uint16_t half) {
  const std::uint32_t magnitude = half & 0x7fffU;
  const std::uint32_t sign = (half & 0x8000U) << 16;
  const std::uint32_t normal = (magnitude << 13) + (112U << 23);
  const auto subnormal = std::bit_cast<std::uint32_t>(
      static_cast<float>(static_cast<std::int32_t>(magnitude)) * half_subnormal_unit);
  const std::uint32_t special = infinity | (magnitude << 13);
  const std::uint32_t number = magnitude < 0x400U ? subnormal : normal;
  return std::bit_cast<float>(sign | (magnitude >= 0x7c00U ? special : number));
}

inline std::uint16_t bf16_bits(float value) {
  const auto bits = std::bit_cast<std::uint32_t>(value);
  const std::uint32_t magnitude = bits & ~sign_bit;
  const std::uint32_t sign = bits & sign_bit;
  const std::uint32_t finite = std::min(magnitude, 0x7f7f0000U);
  const std::uint32_t rounded = finite + 0x7fffU + ((finite >> 16) & 1U);
  const std::uint32_t special = magnitude > infinity ? 0x7fc00000U : infinity;
  return static_cast<std::uint16_t>((sign | (magnitude >= infinity ? special : rounded)) >> 16);
}

constexpr float rounder = 0x1.8p23F;  // beside it a float has no fraction

}  // namespace

CONVOY_VECTORISE void to_fp16(const float* __restrict from, std::uint16_t* __restrict into,
                              std::int64_t count) {
  for (std::int64_t i = 0; i < count; ++i) into[i] = fp16_bits(from[i]);
}

CONVOY_VECTORISE void from_fp16(const std::uint16_t* __restrict from, float* __restrict into,
                                std::int64_t count) {
  for (std::int64_t i = 0; i < count; ++i) into[i] = fp16_value(from[i]);
}

CONVOY_VECTORISE void to_bf16(const float* __restrict from, std::uint16_t* __restrict into,
                              std::int64_t count) {
  for (std::int64_t i = 0; i < count; ++i) into[i] = bf16_bits(from[i]);
}

CONVOY_VECTORISE void from_bf16(const std::uint16_t* __restrict from, float* __restrict into,
                                std::int64_t count) {
  for (std::int64_t i = 0; i < count; ++i)
    into[i] = std::bit_cast<float>(static_cast<std::uint32_t>(from[i]) << 16);
}

CONVOY_VECTORISE std::uint32_t largest_magnitude(const float* values, std::int64_t count) {
  std::uint32_t largest = 0;
  for (std::int64_t i = 0; i < count; ++i)
    largest = std::max(largest, std::bit_cast<std::uint32_t>(values[i]) & ~sign_bit);
  return largest;
}

CONVOY_VECTORISE void to_int8(const float* __restrict from, float factor,
                              std::int8_t* __restrict into, std::int64_t count) {
  for (std::int64_t i = 0; i < count; ++i) {
    const float shifted = from[i] * factor + rounder;
    into[i] = static_cast<std::int8_t>(std::bit_cast<std::int32_t>(shifted) -
                                       std::bit_cast<std::int32_t>(rounder));
  }
}

CONVOY_VECTORISE void from_int8(const std::int8_t* __restrict from, float scale,
                                float* __restrict into, std::int64_t count) {
  for (std::int64_t i = 0; i < count; ++i) into[i] = static_cast<float>(from[i]) * scale;
}

}  // namespace convoy
