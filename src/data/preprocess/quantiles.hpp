#pragma once
// Quantiles of counted values, and what is made of them.
#include <span>
#include <vector>

#include "convoy/data/preprocess/column_counts.hpp"

namespace convoy {

/// The quantiles at these parts (0 to 1, ascending) of counted numbers, which must not be empty:
/// linear interpolation between order statistics (Hyndman & Fan 1996, type 7), which is numpy's
/// default. Never descending.
std::vector<double> quantiles_at(const std::vector<NumberCount>& numbers,
                                 std::span<const double> parts);

/// `count` parts from 0 to 1 with even distances; {0} for one.
std::vector<double> even_parts(std::size_t count);

/// Where x is among ascending quantiles at even parts: 0 to 1, the middle of the range for a value
/// that several quantiles have (scikit-learn's QuantileTransformer). NaN stays NaN.
double rank_among(std::span<const double> quantiles, double x);

/// The same as the quantile of a standard normal distribution, at most 5.2 from 0; values within
/// 1e-7 of the first and last quantile count as equal to them, as in scikit-learn.
double normal_rank_among(std::span<const double> quantiles, double x);

/// The standard normal distribution's quantile at 0 <= p <= 1; infinite at the ends. Relative error
/// about 1e-16: M. J. Wichura, Algorithm AS 241, Applied Statistics 37 (1988).
double normal_quantile(double p);

}  // namespace convoy
