#include "data/formats/cifar.hpp"

#include <fmt/format.h>

#include <cstring>

#include "convoy/core/error.hpp"
#include "convoy/data/formats/format.hpp"
#include "data/formats/array.hpp"
#include "data/formats/file_names.hpp"

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

namespace {

FormatKind cifar_kind(Cifar which, std::string name, std::string title) {
  FormatKind kind;
  kind.name = std::move(name);
  kind.doc = title + " in its binary version, known by content in files named .bin";
  if (which == Cifar::hundred) kind.doc += "; the fine label is the target";
  kind.title = std::move(title);
  kind.holds = Holds::samples;
  kind.likeness = [which](const Content& file) {
    // The first bytes of a dark picture can look like those of IDX.
    const bool own = unpacked_name(file.name).ends_with(".bin") && is_cifar(file.bytes, which);
    return own ? Likeness::whole : Likeness::none;
  };
  kind.samples = [which](const Content& file, const SampleOptions&) {
    CifarSamples read = parse_cifar(file.bytes, file.name, which);
    Samples samples;
    samples.features = std::move(read.features);
    for (const std::byte label : read.labels.bytes)
      samples.labels.push_back(std::to_integer<int>(label));
    samples.classes = classes_of(which);
    return samples;
  };
  return kind;
}

const schema::Registered cifar10_format(formats(), cifar_kind(Cifar::ten, "cifar10", "CIFAR-10"));
const schema::Registered cifar100_format(formats(),
                                         cifar_kind(Cifar::hundred, "cifar100", "CIFAR-100"));

}  // namespace

}  // namespace convoy
