#pragma once
// Loops that turn float32 values into narrower ones and back. Written with integers alone, so that
// they are vectorised, and the same bits, everywhere.
#include <cstdint>

namespace convoy {

/// IEEE 754 binary16, rounded to nearest even. Finite values that are too large become the largest.
void to_fp16(const float* from, std::uint16_t* into, std::int64_t count);
void from_fp16(const std::uint16_t* from, float* into, std::int64_t count);

/// The upper half of a float32, rounded to nearest even; finite values stay finite.
void to_bf16(const float* from, std::uint16_t* into, std::int64_t count);
void from_bf16(const std::uint16_t* from, float* into, std::int64_t count);

/// The largest magnitude, as the bits of a float32 without sign: not finite ones are larger than
/// all others.
std::uint32_t largest_magnitude(const float* values, std::int64_t count);

/// round(value * factor) to nearest even, for results from -127 to 127.
void to_int8(const float* from, float factor, std::int8_t* into, std::int64_t count);
void from_int8(const std::int8_t* from, float scale, float* into, std::int64_t count);

}  // namespace convoy
