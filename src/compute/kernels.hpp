#pragma once
// Loops over float32 values in the host's memory. Whoever runs them gets the same bits.
// Thread-safe for different places.
#include <cstddef>
#include <cstdint>

namespace convoy {

/// As memcpy. glibc's uses `rep movsb` from a few KiB on, which AMD's Zen cores run four times
/// slower than a plain loop when both addresses lie alike within their pages (glibc bug 30994);
/// rings and large buffers often do.
void copy_bytes(std::byte* to, const std::byte* from, std::size_t bytes);

/// to[i] = from[i].
void copy_values(float* to, const float* from, std::int64_t count);

/// into[i] += from[i].
void add_into(float* into, const float* from, std::int64_t count);

/// The same for the values in `bytes` bytes.
void add_bytes(std::byte* into, const std::byte* from, std::size_t bytes);

/// sum[i] = a[i] + b[i].
void add_to(float* sum, const float* a, const float* b, std::int64_t count);

/// difference[i] = a[i] - b[i].
void subtract_to(float* difference, const float* a, const float* b, std::int64_t count);

/// from[i] -= what[i].
void subtract_from(float* from, const float* what, std::int64_t count);

/// into[i] += factor * from[i].
void add_scaled(float* into, const float* from, float factor, std::int64_t count);

/// values[i] *= factor.
void scale(float* values, float factor, std::int64_t count);

/// The sum of squares, with a fixed set of partial sums: not finite exactly when an element is not
/// finite.
double sum_of_squares(const float* values, std::int64_t count);

/// Gradient ascent with momentum, or Nesterov's (Sutskever et al. 2013):
/// v = momentum v + d; x += rate (nesterov ? d + momentum v : v).
void momentum_step(float* x, const float* d, float* v, float rate, float momentum, bool nesterov,
                   std::int64_t count);

}  // namespace convoy
