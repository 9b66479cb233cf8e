#include "convoy/comm/compression.hpp"

#include <fmt/format.h>

#include "comm/compression/codecs.hpp"
#include "convoy/core/error.hpp"
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

float Codec::unbiased_gain(std::size_t) const {
  return 1;
}

std::unique_ptr<Codec> make_codec(const CompressionOptions& options) {
  if (options.kind == "fp16") return make_fp16();
  if (options.kind == "bf16") return make_bf16();
  if (options.kind == "int8") return make_int8(static_cast<std::size_t>(options.block));
  if (options.kind == "top_k") return make_top_k(options.part);
  if (options.kind == "random_k") return make_random_k(options.part);
  throw InputError(
      fmt::format("strategy.compression.kind: {} does not turn values into bytes; use "
                  "fp16, bf16, int8, top_k or random_k",
                  options.kind));
}

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
