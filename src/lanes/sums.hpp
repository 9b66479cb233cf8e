#pragma once
// The loops that sums of gradients are made of. Whoever runs them gets the same
// bits.
#include <cstdint>

namespace convoy {

/// into[i] += from[i].
void add_into(float* into, const float* from, std::int64_t count);

/// The sum of squares, with a fixed set of partial sums: not finite exactly
/// when an element is not finite.
double sum_of_squares(const float* values, std::int64_t count);

}  // namespace convoy
