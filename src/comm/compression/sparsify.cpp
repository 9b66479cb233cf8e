// top_k, random_k: few elements travel, as they are.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>

#include "comm/compression/wire.hpp"
#include "convoy/comm/compressions.hpp"
#include "convoy/lanes/lane.hpp"
#include "core/split_mix.hpp"

namespace convoy {

void describe(schema::Visitor& v, SparseOptions& o) {
  v.key("part", o.part, schema::above(0), "the part of the elements that travels, to 1");
}

namespace {

std::size_t kept_of(std::size_t count, double part) {
  const auto wanted = static_cast<std::size_t>(std::ceil(part * static_cast<double>(count)));
  return std::min(count, std::max<std::size_t>(wanted, 1));
}

std::uint32_t magnitude(float value) {
  return std::bit_cast<std::uint32_t>(value) & 0x7fffffffU;
}

// Which elements are the `kept` largest: those above a magnitude, and the first few of those that
// have it.
struct Threshold {
  std::uint32_t magnitude = 0;
  std::size_t equals = 0;
};

// The upper bits of the magnitudes are counted first, so that only one class is looked at closely.
Threshold threshold_of(std::span<const float> values, std::size_t kept) {
  constexpr int shift = 19;
  std::array<std::uint32_t, 1U << (31 - shift)> counts{};
  for (const float value : values) ++counts[magnitude(value) >> shift];
  std::size_t above = 0;
  std::size_t wanted = counts.size() - 1;
  while (above + counts[wanted] < kept) above += counts[wanted--];
  std::vector<std::uint32_t> near;
  near.reserve(counts[wanted]);
  for (const float value : values) {
    if (magnitude(value) >> shift == wanted) near.push_back(magnitude(value));
  }
  const auto place = near.begin() + static_cast<std::ptrdiff_t>(kept - above - 1);
  std::nth_element(near.begin(), place, near.end(), std::greater<>());
  const std::uint32_t least = *place;
  const auto larger = static_cast<std::size_t>(
      std::count_if(near.begin(), near.end(), [&](std::uint32_t m) { return m > least; }));
  return {least, kept - above - larger};
}

// The places of the elements in ascending order, then their values.
class TopK final : public Codec {
 public:
  explicit TopK(double part) : part_(part) {}

  std::size_t encoded_bytes(std::size_t count) const override {
    return kept_of(count, part_) * (sizeof(std::uint32_t) + sizeof(float));
  }

  void encode(std::span<const float> values, std::uint64_t,
              std::span<std::byte> out) const override {
    if (values.empty()) return;
    const std::size_t kept = kept_of(values.size(), part_);
    Threshold threshold = threshold_of(values, kept);
    std::byte* places = out.data();
    std::byte* kept_values = places + kept * sizeof(std::uint32_t);
    for (std::size_t i = 0; i < values.size(); ++i) {
      const std::uint32_t size = magnitude(values[i]);
      if (size < threshold.magnitude) continue;
      if (size == threshold.magnitude) {
        if (threshold.equals == 0) continue;
        --threshold.equals;
      }
      store(places, static_cast<std::uint32_t>(i));
      store(kept_values, values[i]);
      places += sizeof(std::uint32_t);
      kept_values += sizeof(float);
    }
  }

  void decode(std::span<const std::byte> bytes, std::uint64_t,
              std::span<float> values) const override {
    require_bytes("top_k", bytes.size(), encoded_bytes(values.size()));
    std::fill(values.begin(), values.end(), 0.0F);
    const std::size_t kept = values.empty() ? 0 : kept_of(values.size(), part_);
    std::size_t next = 0;  // places ascend
    for (std::size_t k = 0; k < kept; ++k) {
      const auto place = load<std::uint32_t>(bytes.data() + k * sizeof(std::uint32_t));
      if (place < next || place >= values.size())
        throw InputError("top_k: an element's place is out of order or beyond the last");
      values[place] = load<float>(bytes.data() + kept * sizeof(std::uint32_t) + k * sizeof(float));
      next = place + 1;
    }
  }

 private:
  double part_;
};

class RandomK final : public Codec {
 public:
  explicit RandomK(double part) : part_(part) {}

  std::size_t encoded_bytes(std::size_t count) const override {
    return kept_of(count, part_) * sizeof(float);
  }

  void encode(std::span<const float> values, std::uint64_t draw,
              std::span<std::byte> out) const override {
    for_each_place(values.size(), draw, [&](std::size_t k, std::size_t place) {
      store(out.data() + k * sizeof(float), values[place]);
    });
  }

  void decode(std::span<const std::byte> bytes, std::uint64_t draw,
              std::span<float> values) const override {
    require_bytes("random_k", bytes.size(), encoded_bytes(values.size()));
    std::fill(values.begin(), values.end(), 0.0F);
    for_each_place(values.size(), draw, [&](std::size_t k, std::size_t place) {
      values[place] = load<float>(bytes.data() + k * sizeof(float));
    });
  }

  float unbiased_gain(std::size_t count) const override {
    return count == 0 ? 1.0F
                      : static_cast<float>(static_cast<double>(count) /
                                           static_cast<double>(kept_of(count, part_)));
  }

 private:
  template <class Function>
  void for_each_place(std::size_t count, std::uint64_t draw, const Function& function) const {
    if (count == 0) return;
    const auto kept = static_cast<std::int64_t>(kept_of(count, part_));
    for (std::int64_t k = 0; k < kept; ++k) {
      const Range range = even_part(static_cast<std::int64_t>(count), kept, k);
      const std::uint64_t number = mixed(draw + static_cast<std::uint64_t>(k));
      const std::uint64_t within = number % static_cast<std::uint64_t>(range.size());
      function(static_cast<std::size_t>(k), static_cast<std::size_t>(range.begin) + within);
    }
  }

  double part_;
};

double checked_part(const schema::AnyOptions& own) {
  const double part = own.as<SparseOptions>().part;
  if (!(part > 0 && part <= 1)) throw InputError("an impossible part of the elements");
  return part;
}

std::optional<schema::Problem> sparse_problem(const schema::AnyOptions& own) {
  const double part = own.as<SparseOptions>().part;
  if (part <= 1) return std::nullopt;
  return schema::Problem{
      "part", fmt::format("{} is more than all elements; write a part of 1, such as 0.01", part)};
}

template <class Sparse>
CompressionKind sparse_kind(std::string name, std::string doc) {
  return {
      {.name = std::move(name),
       .doc = std::move(doc),
       .options = SparseOptions{},
       .problem = sparse_problem},
      [](const schema::AnyOptions& own) { return std::make_unique<Sparse>(checked_part(own)); }};
}

const schema::Registered top_k_registered(
    compressions(), sparse_kind<TopK>("top_k", "the elements with the largest magnitudes"));
const schema::Registered random_k_registered(
    compressions(), sparse_kind<RandomK>("random_k", "elements drawn by seed and step"));

}  // namespace
}  // namespace convoy
