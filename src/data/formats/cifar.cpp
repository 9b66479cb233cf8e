#include "data/formats/cifar.hpp"

#include <fmt/format.h>

#include <cstring>

#include "convoy/core/error.hpp"
#include "data/formats/array.hpp"

namespace convoy {
namespace {

constexpr std::size_t pixel_bytes = 3 * 32 * 32;
constexpr int coarse_classes = 20;

std::size_t label_bytes(Cifar kind) {
  return kind == Cifar::ten ? 1 : 2;
}

}  // namespace

std::int64_t classes_of(Cifar kind) {
  return kind == Cifar::ten ? 10 : 100;
}

bool is_cifar(std::span<const std::byte> bytes, Cifar kind) {
  const std::size_t labels = label_bytes(kind);
  const std::size_t record = labels + pixel_bytes;
  if (bytes.empty() || bytes.size() % record != 0) return false;
  for (std::size_t at = 0; at < bytes.size(); at += record) {
    if (kind == Cifar::hundred && std::to_integer<int>(bytes[at]) >= coarse_classes) return false;
    if (std::to_integer<int>(bytes[at + labels - 1]) >= classes_of(kind)) return false;
  }
  return true;
}

CifarSamples parse_cifar(std::span<const std::byte> bytes, const std::string& name, Cifar kind) {
  const std::size_t labels = label_bytes(kind);
  const std::size_t record = labels + pixel_bytes;
  if (bytes.empty()) throw DataError(name, "is empty");
  if (bytes.size() % record != 0) {
    throw DataError(name,
                    fmt::format("truncated, or not CIFAR-{}: {} bytes are {} records of {} and "
                                "{} more",
                                classes_of(kind), bytes.size(), bytes.size() / record, record,
                                bytes.size() % record));
  }
  const std::size_t samples = bytes.size() / record;
  std::vector<std::byte> pixels(samples * pixel_bytes);
  std::vector<std::byte> classes(samples);
  for (std::size_t i = 0; i < samples; ++i) {
    const std::byte* const from = bytes.data() + i * record;
    classes[i] = from[labels - 1];
    std::memcpy(pixels.data() + i * pixel_bytes, from + labels, pixel_bytes);
  }
  CifarSamples out;
  const auto array = [&](std::vector<std::byte> from, std::vector<std::int64_t> shape) {
    const auto owner = own(std::move(from));
    return Array{std::move(shape), ElementType::u8, *owner, owner};
  };
  const auto n = static_cast<std::int64_t>(samples);
  out.features = array(std::move(pixels), {n, 3, 32, 32});
  out.labels = array(std::move(classes), {n});
  return out;
}

}  // namespace convoy
