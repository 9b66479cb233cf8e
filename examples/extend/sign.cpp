// A compression: the sign of each value, and their mean magnitude (Karimireddy et al. 2019, "Error
// Feedback Fixes SignSGD", algorithm 2). It is made for strategy.compression.error_feedback: true.
#include <cmath>
#include <convoy/comm/compressions.hpp>
#include <convoy/core/error.hpp>
#include <convoy/plugin.hpp>
#include <cstring>
#include <limits>

CONVOY_PLUGIN("sign", "1.0")

namespace {

class Sign final : public convoy::Codec {
 public:
  // The magnitude, then a bit for each value: whether it is negative.
  std::size_t encoded_bytes(std::size_t count) const override {
    return sizeof(float) + (count + 7) / 8;
  }

  void encode(std::span<const float> values, std::uint64_t,
              std::span<std::byte> out) const override {
    const float magnitude = mean_magnitude(values);
    std::memcpy(out.data(), &magnitude, sizeof magnitude);
    const std::span<std::byte> bits = out.subspan(sizeof magnitude);
    for (std::size_t i = 0; i < bits.size(); ++i) {
      const std::span<const float> eight =
          values.subspan(8 * i, std::min<std::size_t>(8, values.size() - 8 * i));
      unsigned byte = 0;
      for (std::size_t k = 0; k < eight.size(); ++k) byte |= unsigned{eight[k] < 0} << k;
      bits[i] = static_cast<std::byte>(byte);
    }
  }

  void decode(std::span<const std::byte> bytes, std::uint64_t,
              std::span<float> values) const override {
    if (bytes.size() != encoded_bytes(values.size()))
      throw convoy::InputError("sign: a message of another size than its values have");
    float magnitude = 0;
    std::memcpy(&magnitude, bytes.data(), sizeof magnitude);
    if (magnitude < 0 || std::isinf(magnitude))
      throw convoy::InputError("sign: a magnitude that encoding never writes");
    const std::span<const std::byte> bits = bytes.subspan(sizeof magnitude);
    for (std::size_t i = 0; i < values.size(); ++i) {
      const bool negative = (std::to_integer<unsigned>(bits[i / 8]) >> i % 8 & 1U) != 0;
      values[i] = negative ? -magnitude : magnitude;
    }
  }

 private:
  // Added up in order: the same bits everywhere. A value that is not finite makes all NaN.
  static float mean_magnitude(std::span<const float> values) {
    if (values.empty()) return 0;
    double sum = 0;
    for (const float value : values) sum += std::abs(static_cast<double>(value));
    if (!std::isfinite(sum)) return std::numeric_limits<float>::quiet_NaN();
    return static_cast<float>(sum / static_cast<double>(values.size()));
  }
};

const convoy::schema::Registered sign(
    convoy::compressions(),
    convoy::CompressionKind{
        {.name = "sign", .doc = "a bit for each value, and the mean magnitude of all"},
        [](const convoy::schema::AnyOptions&) { return std::make_unique<Sign>(); }});

}  // namespace
