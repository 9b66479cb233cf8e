#pragma once
// The smallest value of a function of one number, without derivatives.
#include <functional>

namespace convoy {

/// Where `f` is smallest: a bracket found downhill from `first` and `second` by golden sections and
/// parabolas (Press et al., Numerical Recipes, mnbrak), then Brent's method (R. P. Brent,
/// Algorithms for Minimization without Derivatives, 1973, chapter 5) to about 1.5e-8 relative.
/// Constants and order of evaluation are SciPy's, so that the same function gives the same minimum.
/// f may return infinity but not NaN. Deterministic.
double minimise(const std::function<double(double)>& f, double first, double second);

}  // namespace convoy
