#include "convoy/comm/compression/compression.hpp"

#include "compute/host_tensor.hpp"
#include "compute/kernels.hpp"

namespace convoy {

ErrorFeedback::ErrorFeedback(std::size_t count, bool on)
    : on_(on),
      residual_(host_zeros({on ? static_cast<std::int64_t>(count) : 0})),
      next_(torch::zeros_like(residual_)) {}

void ErrorFeedback::encode(const Codec& codec, std::span<const float> values, std::size_t begin,
                           std::uint64_t draw, std::span<std::byte> out) {
  if (!on_) return codec.encode(values, draw, out);
  const auto count = static_cast<std::int64_t>(values.size());
  const std::span<float> next = values_of(next_).subspan(begin, values.size());
  add_to(next.data(), values.data(), values_of(residual_).data() + begin, count);
  codec.encode(next, draw, out);
  std::vector<float> sent(values.size());
  codec.decode(out, draw, sent);
  subtract_from(next.data(), sent.data(), count);
}

void ErrorFeedback::commit() {
  std::swap(residual_, next_);
}

}  // namespace convoy
