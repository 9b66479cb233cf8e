// fp16, bf16, int8: every element travels, in fewer bits.
#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <limits>

#include "comm/compression/wire.hpp"
#include "compute/casts.hpp"
#include "convoy/comm/compressions.hpp"

namespace convoy {

void describe(schema::Visitor& v, Int8Options& o) {
  v.key("block", o.block, schema::between(16, 65536), "neighbouring elements that share a scale");
}

namespace {

using ToHalf = void (*)(const float*, std::uint16_t*, std::int64_t);
using FromHalf = void (*)(const std::uint16_t*, float*, std::int64_t);

// 16-bit values go through a small array: messages may begin at an odd address.
constexpr std::size_t stretch = 1024;

class Half final : public Codec {
 public:
  Half(std::string_view name, ToHalf to, FromHalf from) : name_(name), to_(to), from_(from) {}

  std::size_t encoded_bytes(std::size_t count) const override { return 2 * count; }

  void encode(std::span<const float> values, std::uint64_t,
              std::span<std::byte> out) const override {
    std::array<std::uint16_t, stretch> part;
    for (std::size_t begin = 0; begin < values.size(); begin += stretch) {
      const std::size_t count = std::min(stretch, values.size() - begin);
      to_(values.data() + begin, part.data(), static_cast<std::int64_t>(count));
      std::memcpy(out.data() + 2 * begin, part.data(), 2 * count);
    }
  }

  void decode(std::span<const std::byte> bytes, std::uint64_t,
              std::span<float> values) const override {
    require_bytes(name_, bytes.size(), encoded_bytes(values.size()));
    std::array<std::uint16_t, stretch> part;
    for (std::size_t begin = 0; begin < values.size(); begin += stretch) {
      const std::size_t count = std::min(stretch, values.size() - begin);
      std::memcpy(part.data(), bytes.data() + 2 * begin, 2 * count);
      from_(part.data(), values.data() + begin, static_cast<std::int64_t>(count));
    }
  }

 private:
  std::string_view name_;
  ToHalf to_;
  FromHalf from_;
};

// The scales of all blocks, then one byte an element.
class Int8 final : public Codec {
 public:
  explicit Int8(std::size_t block) : block_(block) {}

  std::size_t encoded_bytes(std::size_t count) const override {
    return blocks(count) * sizeof(float) + count;
  }

  void encode(std::span<const float> values, std::uint64_t,
              std::span<std::byte> out) const override {
    std::byte* scales = out.data();
    auto* numbers = reinterpret_cast<std::int8_t*>(scales + blocks(values.size()) * sizeof(float));
    for (std::size_t begin = 0; begin < values.size(); begin += block_) {
      const auto count = static_cast<std::int64_t>(std::min(block_, values.size() - begin));
      const float scale = scale_of(values.data() + begin, count);
      store(scales, scale);
      scales += sizeof(float);
      // Without a usable scale all numbers are 0: they become 0 again, or not a number.
      const float factor = scale > 0 ? 1 / scale : 0;
      if (factor == 0)
        std::fill_n(numbers + begin, count, std::int8_t{0});
      else
        to_int8(values.data() + begin, factor, numbers + begin, count);
    }
  }

  void decode(std::span<const std::byte> bytes, std::uint64_t,
              std::span<float> values) const override {
    require_bytes("int8", bytes.size(), encoded_bytes(values.size()));
    const std::byte* scales = bytes.data();
    const auto* numbers =
        reinterpret_cast<const std::int8_t*>(scales + blocks(values.size()) * sizeof(float));
    for (std::size_t begin = 0; begin < values.size(); begin += block_) {
      const auto count = static_cast<std::int64_t>(std::min(block_, values.size() - begin));
      const auto scale = load<float>(scales);
      if (scale < 0 || std::isinf(scale))
        throw InputError("int8: a block has a scale that encoding never writes");
      scales += sizeof(float);
      from_int8(numbers + begin, scale, values.data() + begin, count);
    }
  }

 private:
  std::size_t blocks(std::size_t count) const { return (count + block_ - 1) / block_; }

  static float scale_of(const float* values, std::int64_t count) {
    constexpr float least = 1e-30F;  // below it 1 / scale could overflow
    const auto largest = std::bit_cast<float>(largest_magnitude(values, count));
    if (!std::isfinite(largest)) return std::numeric_limits<float>::quiet_NaN();
    return largest < least ? 0 : largest / 127;
  }

  std::size_t block_;
};

CompressionKind half_kind(const char* name, std::string doc, ToHalf to, FromHalf from) {
  return {{.name = name, .doc = std::move(doc)}, [name, to, from](const schema::AnyOptions&) {
            return std::make_unique<Half>(name, to, from);
          }};
}

std::unique_ptr<Codec> make_int8(const schema::AnyOptions& own) {
  constexpr std::int64_t most = std::int64_t{1} << 34;
  const std::int64_t block = own.as<Int8Options>().block;
  if (block < 1 || block > most) throw InputError("int8: blocks of an impossible size");
  return std::make_unique<Int8>(static_cast<std::size_t>(block));
}

const schema::Registered fp16_registered(compressions(),
                                         half_kind("fp16",
                                                   "IEEE half precision, rounded to nearest even",
                                                   to_fp16, from_fp16));
const schema::Registered bf16_registered(
    compressions(),
    half_kind("bf16", "the upper half of each value, rounded to nearest even", to_bf16, from_bf16));
const schema::Registered int8_registered(
    compressions(),
    CompressionKind{{.name = "int8",
                     .doc = "a byte for each value, and a scale for each block of neighbours",
                     .options = Int8Options{}},
                    make_int8});

}  // namespace
}  // namespace convoy
