#include "data/preprocess/eigen.hpp"

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

namespace convoy {
namespace {

class Jacobi {
 public:
  Jacobi(std::vector<double> matrix, std::size_t size)
      : size_(size), a_(std::move(matrix)), vectors_(size * size) {
    for (std::size_t i = 0; i < size_; ++i) {
      vectors_[i * size_ + i] = 1;
      trace_ += std::abs(value(i));
    }
  }

  void run() {
    constexpr int most_sweeps = 60;
    for (int sweep = 0; sweep < most_sweeps; ++sweep) {
      bool rotated = false;
      for (std::size_t p = 0; p < size_; ++p) {
        for (std::size_t q = p + 1; q < size_; ++q) rotated = rotate(p, q) || rotated;
      }
      if (!rotated) return;
    }
  }

  double value(std::size_t i) const { return a_[i * size_ + i]; }
  std::vector<double> vector(std::size_t i) const {
    const auto begin = vectors_.begin() + static_cast<std::ptrdiff_t>(i * size_);
    return {begin, begin + static_cast<std::ptrdiff_t>(size_)};
  }

 private:
  /// Makes element (p, q) zero; false where it is already, as far as both diagonal elements can
  /// tell.
  bool rotate(std::size_t p, std::size_t q) {
    const double off = a_[p * size_ + q];
    const double app = value(p);
    const double aqq = value(q);
    constexpr double epsilon = std::numeric_limits<double>::epsilon();
    const double small = std::max(epsilon * std::sqrt(std::abs(app)) * std::sqrt(std::abs(aqq)),
                                  epsilon * epsilon * trace_);
    if (std::abs(off) <= small) return false;
    const double theta = (aqq - app) / (2 * off);
    const double t = (theta >= 0 ? 1 : -1) / (std::abs(theta) + std::hypot(theta, 1));
    const double c = 1 / std::sqrt(1 + t * t);
    const double s = t * c;
    turn(&a_[p * size_], &a_[q * size_], c, s);
    for (std::size_t i = 0; i < size_; ++i) {
      a_[i * size_ + p] = a_[p * size_ + i];
      a_[i * size_ + q] = a_[q * size_ + i];
    }
    a_[p * size_ + p] = app - t * off;
    a_[q * size_ + q] = aqq + t * off;
    a_[p * size_ + q] = a_[q * size_ + p] = 0;
    turn(&vectors_[p * size_], &vectors_[q * size_], c, s);
    return true;
  }

  void turn(double* p, double* q, double c, double s) const {
    for (std::size_t i = 0; i < size_; ++i) {
      const double x = p[i];
      const double y = q[i];
      p[i] = c * x - s * y;
      q[i] = s * x + c * y;
    }
  }

  std::size_t size_;
  std::vector<double> a_;        // symmetric throughout
  std::vector<double> vectors_;  // one a row
  double trace_ = 0;
};

void fix_sign(std::vector<double>& vector) {
  const auto largest = std::max_element(
      vector.begin(), vector.end(), [](double a, double b) { return std::abs(a) < std::abs(b); });
  if (largest == vector.end() || *largest >= 0) return;
  for (double& x : vector) x = -x;
}

}  // namespace

EigenPairs eigen_symmetric(std::vector<double> matrix, std::size_t size) {
  Jacobi jacobi(std::move(matrix), size);
  jacobi.run();
  std::vector<std::size_t> order(size);
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(),
                   [&](std::size_t a, std::size_t b) { return jacobi.value(a) > jacobi.value(b); });
  EigenPairs eigen;
  for (const std::size_t i : order) {
    eigen.values.push_back(jacobi.value(i));
    eigen.vectors.push_back(jacobi.vector(i));
    fix_sign(eigen.vectors.back());
  }
  return eigen;
}

}  // namespace convoy
