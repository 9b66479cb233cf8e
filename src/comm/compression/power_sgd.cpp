// Declared in convoy/comm/compression/compression.hpp.
#include <ATen/TensorOperators.h>

#include <algorithm>
#include <cmath>

#include "compute/host_tensor.hpp"
#include "convoy/comm/compression/compression.hpp"
#include "core/split_mix.hpp"

namespace convoy {
namespace {

double dot(const float* a, const float* b, std::int64_t count) {
  double sum = 0;
  for (std::int64_t i = 0; i < count; ++i) sum += static_cast<double>(a[i]) * b[i];
  return sum;
}

// Gram-Schmidt, each column against those before it as they have become. A column that the others
// span becomes zeros: it has nothing to add.
void make_orthonormal(torch::Tensor factor) {
  torch::Tensor columns = factor.t().contiguous();
  const std::int64_t length = columns.size(1);
  for (std::int64_t c = 0; c < columns.size(0); ++c) {
    float* column = values_of(columns).data() + c * length;
    const double before = dot(column, column, length);
    for (std::int64_t k = 0; k < c; ++k) {
      const float* other = values_of(columns).data() + k * length;
      const auto along = static_cast<float>(dot(column, other, length));
      for (std::int64_t i = 0; i < length; ++i) column[i] -= along * other[i];
    }
    constexpr double rounding = 1e-10;  // of squares: what is left of a dependent column
    const double square = dot(column, column, length);
    const bool dependent = square <= rounding * before;
    const auto factor_of_length = dependent ? 0.0F : static_cast<float>(1 / std::sqrt(square));
    for (std::int64_t i = 0; i < length; ++i)
      column[i] = dependent ? 0.0F : column[i] * factor_of_length;
  }
  factor.copy_(columns.t());
}

}  // namespace

PowerSgd::PowerSgd(std::size_t count, const std::vector<Matrix>& matrices,
                   const CompressionOptions& options, std::uint64_t seed)
    : count_(count), feedback_(options.error_feedback), seed_(seed) {
  const std::int64_t wanted = options.own.as<PowerSgdOptions>().rank;
  std::size_t covered = 0;
  std::int64_t left = 0;
  std::int64_t right = 0;
  const auto travels_whole = [&](std::size_t end) {
    if (end > covered) whole_.push_back({covered, 1, static_cast<std::int64_t>(end - covered)});
  };
  for (const Matrix& matrix : matrices) {
    const std::int64_t rank = std::min({wanted, matrix.rows, matrix.columns});
    if (rank * (matrix.rows + matrix.columns) >= matrix.rows * matrix.columns) continue;
    travels_whole(matrix.begin);
    covered = matrix.begin + static_cast<std::size_t>(matrix.rows * matrix.columns);
    factors_.push_back({matrix, rank, host_zeros({matrix.columns, rank}), {}});
    left += matrix.rows * rank;
    right += matrix.columns * rank;
  }
  travels_whole(count);
  for (const Matrix& stretch : whole_) left += stretch.columns;
  left_ = host_zeros({left});
  right_ = host_zeros({right});
  next_ = host_zeros({static_cast<std::int64_t>(count)});
  residual_ = host_zeros({feedback_ ? static_cast<std::int64_t>(count) : 0});
  forget_factors();
}

torch::Tensor PowerSgd::matrix_of(const torch::Tensor& vector, const Matrix& matrix) const {
  return vector.narrow(0, static_cast<std::int64_t>(matrix.begin), matrix.rows * matrix.columns)
      .view({matrix.rows, matrix.columns});
}

// About normal: the sum of four even numbers.
void PowerSgd::fill_start(Factors& factors, std::size_t number, std::int64_t column) const {
  float* values = values_of(factors.start).data();
  for (std::int64_t row = 0; row < factors.matrix.columns; ++row) {
    const std::uint64_t bits =
        mixed(mixed(seed_ + number) + static_cast<std::uint64_t>(row * factors.rank + column));
    std::int32_t sum = 0;
    for (int k = 0; k < 4; ++k) sum += static_cast<std::int32_t>((bits >> (16 * k)) & 0xffffU);
    values[row * factors.rank + column] = static_cast<float>(sum - 2 * 0xffff) / 0x10000;
  }
}

void PowerSgd::forget_factors() {
  for (std::size_t f = 0; f < factors_.size(); ++f) {
    for (std::int64_t column = 0; column < factors_[f].rank; ++column)
      fill_start(factors_[f], f, column);
  }
}

std::span<float> PowerSgd::project(std::span<const float> values) {
  const torch::NoGradGuard no_grad;
  std::copy(values.begin(), values.end(), values_of(next_).begin());
  if (feedback_) next_.add_(residual_);
  std::int64_t at = 0;
  for (Factors& f : factors_) {
    torch::Tensor p = left_.narrow(0, at, f.matrix.rows * f.rank).view({f.matrix.rows, f.rank});
    torch::mm_out(p, matrix_of(next_, f.matrix), f.start);
    at += p.numel();
  }
  for (const Matrix& stretch : whole_) {
    left_.narrow(0, at, stretch.columns)
        .copy_(next_.narrow(0, static_cast<std::int64_t>(stretch.begin), stretch.columns));
    at += stretch.columns;
  }
  return values_of(left_);
}

std::span<float> PowerSgd::project_back() {
  const torch::NoGradGuard no_grad;
  std::int64_t at_left = 0;
  std::int64_t at_right = 0;
  for (Factors& f : factors_) {
    torch::Tensor p =
        left_.narrow(0, at_left, f.matrix.rows * f.rank).view({f.matrix.rows, f.rank});
    make_orthonormal(p);
    torch::Tensor q =
        right_.narrow(0, at_right, f.matrix.columns * f.rank).view({f.matrix.columns, f.rank});
    torch::mm_out(q, matrix_of(next_, f.matrix).t(), p);
    f.own = q.clone();
    at_left += p.numel();
    at_right += q.numel();
  }
  return values_of(right_);
}

void PowerSgd::restore(std::span<float> values) {
  const torch::NoGradGuard no_grad;
  const torch::Tensor vector = host_view(values, {static_cast<std::int64_t>(count_)});
  std::int64_t at_left = 0;
  std::int64_t at_right = 0;
  for (Factors& f : factors_) {
    const torch::Tensor p =
        left_.narrow(0, at_left, f.matrix.rows * f.rank).view({f.matrix.rows, f.rank});
    const torch::Tensor q =
        right_.narrow(0, at_right, f.matrix.columns * f.rank).view({f.matrix.columns, f.rank});
    torch::Tensor own = matrix_of(next_, f.matrix);
    if (feedback_) own.sub_(torch::mm(p, f.own.t()));
    matrix_of(vector, f.matrix).copy_(torch::mm(p, q.t()));
    f.own = q.clone();
    at_left += p.numel();
    at_right += q.numel();
  }
  for (const Matrix& stretch : whole_) {
    const auto begin = static_cast<std::int64_t>(stretch.begin);
    vector.narrow(0, begin, stretch.columns).copy_(left_.narrow(0, at_left, stretch.columns));
    next_.narrow(0, begin, stretch.columns).zero_();
    at_left += stretch.columns;
  }
}

void PowerSgd::commit() {
  if (feedback_) std::swap(residual_, next_);
  for (std::size_t number = 0; number < factors_.size(); ++number) {
    Factors& f = factors_[number];
    f.start.copy_(f.own);
    // A direction that had nothing to add now may have later: it starts anew.
    const torch::Tensor squares = f.start.square().sum(0);
    for (std::int64_t column = 0; column < f.rank; ++column) {
      if (squares[column].item<float>() == 0) fill_start(f, number, column);
    }
  }
}

std::vector<torch::Tensor> PowerSgd::state() const {
  std::vector<torch::Tensor> tensors{residual_};
  for (const Factors& f : factors_) tensors.push_back(f.start);
  return tensors;
}

}  // namespace convoy
