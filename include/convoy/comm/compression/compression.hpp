#pragma once
// What makes up for what codecs leave out, and PowerSGD. Pure: the same values give the same bytes
// on every machine.
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "convoy/comm/compression/codec.hpp"
#include "convoy/comm/compression_options.hpp"
#include "convoy/core/tensor.hpp"

#pragma GCC visibility push(default)

namespace convoy {

/// Error feedback (Seide et al. 2014, Karimireddy et al. 2019): what encoding left out of a vector
/// is added to the next one. Sum of what was sent + residual = sum of what came, up to rounding.
class ErrorFeedback {
 public:
  /// Of a vector of `count` elements. Not `on`: leaves out for good.
  ErrorFeedback(std::size_t count, bool on);

  /// Encodes elements [begin, begin + values.size()) of the vector, with what was left out of them.
  /// Calls for different ranges may run at the same time.
  void encode(const Codec& codec, std::span<const float> values, std::size_t begin,
              std::uint64_t draw, std::span<std::byte> out);
  /// The encoded vector was used: what it left out is to be added to the next one. Without this the
  /// next vector takes the place of this one.
  void commit();

  std::size_t size() const { return static_cast<std::size_t>(residual_.numel()); }
  /// What is to be added to the next vector, to be kept and restored with the training state.
  torch::Tensor residual() const { return residual_; }

 private:
  bool on_;
  torch::Tensor residual_;
  torch::Tensor next_;
};

/// PowerSGD (Vogels, Karimireddy, Jaggi 2019): each matrix M becomes two thin factors, P Q', found
/// by one step of the power method from the last Q. Factors are sums over workers as M is, so they
/// are added up by an all-reduce; between the steps below the caller does that. What is no matrix,
/// or would not become smaller, travels as it is. With error feedback of each worker's own.
class PowerSgd {
 public:
  struct Matrix {
    std::size_t begin = 0;  ///< of its elements within the vector, row by row
    std::int64_t rows = 0;
    std::int64_t columns = 0;
  };
  /// `matrices` in order, without overlap, within a vector of `count` elements. All workers with
  /// the same `seed`.
  PowerSgd(std::size_t count, const std::vector<Matrix>& matrices,
           const CompressionOptions& options, std::uint64_t seed);

  /// 1. The factors P = (M + residual) Q, and what travels as it is. To be summed over workers.
  std::span<float> project(std::span<const float> values);
  /// 2. The factors Q = (M + residual)' P, P made orthonormal. To be summed.
  std::span<float> project_back();
  /// 3. The vector's sum over workers, as far as the factors tell it.
  void restore(std::span<float> values);
  /// It was used: what it left out is added to the next one, which starts from this one's Q.
  void commit();
  /// All workers start from the first Q again, since not all know the last one.
  void forget_factors();

  /// Tensors to be kept and restored with the training state.
  std::vector<torch::Tensor> state() const;

 private:
  struct Factors {
    Matrix matrix;
    std::int64_t rank = 0;
    torch::Tensor start;  // columns x rank: Q of the last vector
    torch::Tensor own;    // of this one, this worker's
  };
  torch::Tensor matrix_of(const torch::Tensor& vector, const Matrix& matrix) const;
  void fill_start(Factors& factors, std::size_t number, std::int64_t column) const;

  std::size_t count_;
  bool feedback_;
  std::uint64_t seed_;
  std::vector<Factors> factors_;
  std::vector<Matrix> whole_;  // stretches that travel as they are, of one row
  torch::Tensor residual_;
  torch::Tensor next_;   // the vector with the residual, then what was left out
  torch::Tensor left_;   // the P factors one after the other, then what travels as it is
  torch::Tensor right_;  // the Q factors
};

}  // namespace convoy

#pragma GCC visibility pop
