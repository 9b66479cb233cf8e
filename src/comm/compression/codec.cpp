#include "convoy/comm/compression/codec.hpp"

#include <fmt/format.h>

#include "comm/compression/codecs.hpp"
#include "convoy/core/error.hpp"

namespace convoy {

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

}  // namespace convoy
