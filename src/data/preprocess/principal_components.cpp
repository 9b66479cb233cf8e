#include "data/preprocess/principal_components.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

#include "data/peers/segments.hpp"
#include "data/preprocess/eigen.hpp"
#include "data/preprocess/frame.hpp"

namespace convoy {
namespace {

/// The covariance (divided by rows - 1), as its lower triangle row after row.
std::vector<double> covariance(std::int64_t rows, const std::vector<double>& means,
                               const FeedRows& feed, Peers* peers) {
  const std::size_t size = means.size();
  const auto take = [&](Range positions, std::span<double> partial) {
    std::fill(partial.begin(), partial.end(), 0.0);
    std::vector<double> centred(size);
    feed(positions, [&](std::span<const double> row) {
      for (std::size_t i = 0; i < size; ++i) centred[i] = row[i] - means[i];
      double* out = partial.data();
      for (std::size_t i = 0; i < size; ++i, out += i) {
        const double x = centred[i];
        for (std::size_t j = 0; j <= i; ++j) out[j] += x * centred[j];
      }
    });
  };
  const auto add = [](std::span<double> left, std::span<const double> right) {
    for (std::size_t i = 0; i < left.size(); ++i) left[i] += right[i];
  };
  std::vector<double> sums = reduce_rows(rows, {size * (size + 1) / 2, take, add}, peers);
  for (double& x : sums) x /= static_cast<double>(rows - 1);
  return sums;
}

std::vector<double> square(const std::vector<double>& triangle, std::size_t size) {
  std::vector<double> matrix(size * size);
  auto from = triangle.begin();
  for (std::size_t i = 0; i < size; ++i) {
    for (std::size_t j = 0; j <= i; ++j) matrix[i * size + j] = matrix[j * size + i] = *from++;
  }
  return matrix;
}

}  // namespace

std::size_t component_count(const PreprocessStep& step, std::size_t width, std::int64_t rows,
                            const std::string& what) {
  constexpr std::size_t most = 1000;  // Jacobi rotations take minutes beyond this
  if (width > most) {
    fail_step(step.kind, fmt::format("{} {} are too many, {} are possible{}", width, what, most,
                                     what == "columns" ? "; name some in `columns`" : ""));
  }
  if (rows < 2) fail_step(step.kind, "one row of training data has no covariance");
  const std::size_t limit = std::min(width, static_cast<std::size_t>(rows));
  if (step.components < 0 || static_cast<std::size_t>(step.components) > limit) {
    fail_step(step.kind, fmt::format("components: {}: there are at most {} of {} {} and {} rows",
                                     step.components, limit, width, what, rows));
  }
  return step.components == 0 ? limit : static_cast<std::size_t>(step.components);
}

FittedStep fit_components(const PreprocessStep& step, std::int64_t rows, std::vector<double> means,
                          std::size_t count, const FeedRows& feed, Peers* peers) {
  FittedStep fitted;
  fitted.kind = step.kind;
  const std::size_t width = means.size();
  const std::vector<double> triangle = covariance(rows, means, feed, peers);
  if (!std::all_of(triangle.begin(), triangle.end(), [](double x) { return std::isfinite(x); }))
    fail_step(step.kind, "the values are too large to take a covariance of; scale them first");
  const EigenPairs eigen = eigen_symmetric(square(triangle, width), width);
  // What is smaller is rounding: no direction to stretch.
  const double least =
      eigen.values[0] * static_cast<double>(width) * std::numeric_limits<double>::epsilon();
  for (std::size_t i = 0; i < count; ++i) {
    const double variance = eigen.values[i];
    fitted.components.push_back(eigen.vectors[i]);
    fitted.divide.push_back(step.whiten && variance > least ? std::sqrt(variance) : 1);
  }
  fitted.subtract = std::move(means);
  return fitted;
}

void to_components(const FittedStep& step, std::span<double> row, std::span<double> components) {
  for (std::size_t j = 0; j < row.size(); ++j) row[j] -= step.subtract[j];
  constexpr std::size_t block = 8;  // sums side by side: one alone waits for each addition
  for (std::size_t first = 0; first < components.size(); first += block) {
    const std::size_t count = std::min(block, components.size() - first);
    std::array<const double*, block> loadings{};
    for (std::size_t k = 0; k < block; ++k)
      loadings[k] = step.components[first + std::min(k, count - 1)].data();
    std::array<double, block> sums{};
    for (std::size_t j = 0; j < row.size(); ++j) {
      for (std::size_t k = 0; k < block; ++k) sums[k] += loadings[k][j] * row[j];
    }
    for (std::size_t k = 0; k < count; ++k)
      components[first + k] = sums[k] / step.divide[first + k];
  }
}

}  // namespace convoy
