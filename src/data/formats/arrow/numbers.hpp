#pragma once
// Values as numbers.
#include <arrow/array.h>

#include <limits>
#include <vector>

#include "data/formats/arrow/positions.hpp"

namespace convoy::columnar {

inline constexpr double no_number = std::numeric_limits<double>::quiet_NaN();

/// Appends the doubles next to the values: dates in days, times in seconds. Null is `no_number`,
/// NaN the same with its sign set. Throws std::runtime_error for types that are no numbers.
void append_numbers(const arrow::Array& array, const Positions& rows, std::vector<double>& out);

}  // namespace convoy::columnar
