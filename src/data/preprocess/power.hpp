#pragma once
// Power transformations that make numbers look like a normal distribution's.
#include <string>
#include <vector>

#include "convoy/data/preprocess/column_counts.hpp"
#include "convoy/data/preprocess/statistics.hpp"

namespace convoy {

/// G. E. P. Box, D. R. Cox, An Analysis of Transformations (1964): (x^lambda - 1) / lambda, log(x)
/// for lambda 0. NaN unless x > 0.
double box_cox(double x, double lambda);

/// I. Yeo, R. A. Johnson, A New Family of Power Transformations (2000): the same of 1 + x for
/// x >= 0, and with 2 - lambda mirrored below.
double yeo_johnson(double x, double lambda);

/// A fitted transformation with the statistics of what it makes of the numbers.
struct Power {
  double lambda = 1;
  Statistics statistics;
};

/// The lambda of greatest likelihood for these counted numbers, which must not be empty (box_cox:
/// all above 0), by Brent's method from -2 and 2, as SciPy and scikit-learn find it. Sums are taken
/// over the counted numbers in ascending order: they depend on nothing else. `mirrored`:
/// yeo_johnson's, else box_cox's. Of one number only, lambda is 1.
Power fit_power(bool mirrored, const std::vector<NumberCount>& numbers);

}  // namespace convoy
