#include "convoy/data/preprocess/statistics.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

namespace convoy {
namespace {

void add_first(std::span<double> left, std::span<const double> right) {
  for (std::size_t at = 0; at < left.size(); at += StatisticsPass::first_width) {
    left[at] += right[at];
    left[at + 1] += right[at + 1];
    left[at + 2] = std::min(left[at + 2], right[at + 2]);
    left[at + 3] = std::max(left[at + 3], right[at + 3]);
  }
}

void add_second(std::span<double> left, std::span<const double> right) {
  for (std::size_t i = 0; i < left.size(); ++i) left[i] += right[i];
}

}  // namespace

double Statistics::mean() const {
  return count == 0 ? 0 : sum / count;
}

double Statistics::deviation() const {
  if (count == 0 || min == max) return 0;
  const double variance = squares / count;
  // The bound on the rounding of a two-pass variance that scikit-learn's StandardScaler uses too.
  constexpr double epsilon = std::numeric_limits<double>::epsilon();
  const double rounding = count * epsilon * variance + std::pow(count * mean() * epsilon, 2);
  return variance <= rounding ? 0 : std::sqrt(variance);
}

StatisticsPass::StatisticsPass(std::span<double> partial, std::span<const double> means)
    : partial_(partial), means_(means) {
  std::fill(partial_.begin(), partial_.end(), 0.0);
  if (!means_.empty()) return;
  for (std::size_t at = 0; at < partial_.size(); at += first_width) {
    partial_[at + 2] = std::numeric_limits<double>::infinity();
    partial_[at + 3] = -std::numeric_limits<double>::infinity();
  }
}

void StatisticsPass::add(std::size_t group, std::span<const double> numbers) {
  if (!means_.empty()) {
    const double mean = means_[group];
    double squares = partial_[group];
    for (const double x : numbers) {
      const double difference = x - mean;
      squares = std::isnan(x) ? squares : squares + difference * difference;
    }
    partial_[group] = squares;
    return;
  }
  double* const out = &partial_[group * first_width];
  double count = out[0];
  double sum = out[1];
  double min = out[2];
  double max = out[3];
  for (const double x : numbers) {
    if (std::isnan(x)) continue;
    count += 1;
    sum += x;
    min = std::min(min, x);
    max = std::max(max, x);
  }
  out[0] = count;
  out[1] = sum;
  out[2] = min;
  out[3] = max;
}

std::vector<Statistics> fit_statistics(std::int64_t rows, std::size_t groups, bool squares,
                                       const Feed& feed, Peers* peers) {
  std::vector<double> means;  // empty in the first pass
  const auto take = [&](Range positions, std::span<double> partial) {
    StatisticsPass pass(partial, means);
    feed(positions, pass);
  };
  const std::vector<double> first =
      reduce_rows(rows, {groups * StatisticsPass::first_width, take, add_first}, peers);
  std::vector<Statistics> statistics(groups);
  for (std::size_t g = 0; g < groups; ++g) {
    const double* const sums = &first[g * StatisticsPass::first_width];
    if (sums[0] > 0) statistics[g] = {sums[0], sums[1], 0, sums[2], sums[3]};
  }
  if (!squares || groups == 0) return statistics;
  for (const Statistics& group : statistics) means.push_back(group.mean());
  const std::vector<double> second =
      reduce_rows(rows, {groups * StatisticsPass::second_width, take, add_second}, peers);
  for (std::size_t g = 0; g < groups; ++g) statistics[g].squares = second[g];
  return statistics;
}

}  // namespace convoy
