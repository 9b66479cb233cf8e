#include "convoy/comm/compression/compression.hpp"

#include "core/vectorise.hpp"

namespace convoy {
namespace {

CONVOY_VECTORISE void add(const float* __restrict a, const float* __restrict b,
                          float* __restrict sum, std::size_t count) {
  for (std::size_t i = 0; i < count; ++i) sum[i] = a[i] + b[i];
}

CONVOY_VECTORISE void subtract_from(float* __restrict a, const float* __restrict b,
                                    std::size_t count) {
  for (std::size_t i = 0; i < count; ++i) a[i] -= b[i];
}

}  // namespace

ErrorFeedback::ErrorFeedback(std::size_t count, bool on)
    : on_(on),
      residual_(torch::zeros({on ? static_cast<std::int64_t>(count) : 0})),
      next_(torch::zeros_like(residual_)) {}

void ErrorFeedback::encode(const Codec& codec, std::span<const float> values, std::size_t begin,
                           std::uint64_t draw, std::span<std::byte> out) {
  if (!on_) return codec.encode(values, draw, out);
  const std::span<float> next(next_.data_ptr<float>() + begin, values.size());
  add(values.data(), residual_.data_ptr<float>() + begin, next.data(), next.size());
  codec.encode(next, draw, out);
  std::vector<float> sent(values.size());
  codec.decode(out, draw, sent);
  subtract_from(next.data(), sent.data(), next.size());
}

void ErrorFeedback::commit() {
  std::swap(residual_, next_);
}

}  // namespace convoy
