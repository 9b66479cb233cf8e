#pragma once
// Fewer bytes for float32 values. Pure: the same values give the same bytes on every machine.
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

#include "convoy/comm/compression_options.hpp"

#pragma GCC visibility push(default)

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
/// or another one of compressions() (comm/compressions.hpp) that has a codec. Throws InputError for
/// anything else; power_sgd is PowerSgd (compression.hpp).
std::unique_ptr<Codec> make_codec(const CompressionOptions& options);

}  // namespace convoy

#pragma GCC visibility pop
