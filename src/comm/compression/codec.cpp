#include "convoy/comm/compression/codec.hpp"

#include <fmt/format.h>

#include "convoy/comm/compressions.hpp"
#include "convoy/core/error.hpp"

namespace convoy {

float Codec::unbiased_gain(std::size_t) const {
  return 1;
}

std::unique_ptr<Codec> make_codec(const CompressionOptions& options) {
  const CompressionKind& kind = compressions().get(options.kind);
  if (kind.codec) return kind.codec(options.own);
  std::string others;
  for (const auto& [name, other] : compressions().all())
    if (other.codec) others += (others.empty() ? "" : " or ") + name;
  throw InputError(
      fmt::format("strategy.compression.kind: {} does not turn values into bytes; use {}",
                  options.kind, others));
}

}  // namespace convoy
