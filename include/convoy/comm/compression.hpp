#pragma once
// Fewer bytes for float32 values: codecs, and what makes up for what they leave out. Pure: the same
// values give the same bytes on every machine.
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "convoy/core/tensor.hpp"
#include "convoy/job/job.hpp"

namespace convoy {

/// Turns float32 values into bytes and back. How many bytes depends on the number of values alone,
/// so messages need no lengths. Thread-safe.
///
/// `draw` chooses the elements that random_k takes: encode and decode with the same one (the others
/// do not look at it). Values that are not finite stay so, or make their neighbours so too, except
/// that top_k and random_k may leave them out.
class Codec {
 public:
  virtual ~Codec() = default;
  virtual std::size_t encoded_bytes(std::size_t count) const = 0;
  /// `out` has encoded_bytes(values.size()) bytes; all of them are written.
  virtual void encode(std::span<const float> values, std::uint64_t draw,
                      std::span<std::byte> out) const = 0;
  /// The reverse, of bytes that anybody may have sent. Throws InputError if they cannot be what
  /// encode makes of so many values.
  virtual void decode(std::span<const std::byte> bytes, std::uint64_t draw,
                      std::span<float> values) const = 0;
  /// What values are to be multiplied by so that decoded ones are right in the mean, where nothing
  /// makes up for what is left out. 1 except for random_k.
  virtual float unbiased_gain(std::size_t count) const;
};

/// By `kind`:
///   fp16, bf16  rounded to nearest, ties to even; finite values stay finite
///   int8        q = round(x / s), s = max |x| / 127 of each block of `block` neighbours
///   top_k       the ceil(part * count) largest by magnitude, exactly; of equals the first ones
///   random_k    as many, one of each of that many equal stretches, chosen by `draw`: who knows it
///               knows where they belong, and they travel without their places
/// Throws InputError for anything else; power_sgd is PowerSgd below.
std::unique_ptr<Codec> make_codec(const CompressionOptions& options);

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
