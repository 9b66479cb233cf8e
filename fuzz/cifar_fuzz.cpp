// Any bytes are either whole records, of which every byte is found again, or a DataError.
#include <cstdint>
#include <cstdlib>

#include "convoy/core/error.hpp"
#include "data/formats/cifar.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* input, std::size_t size) {
  const std::span<const std::byte> bytes = std::as_bytes(std::span(input, size));
  for (const convoy::Cifar kind : {convoy::Cifar::ten, convoy::Cifar::hundred}) {
    const bool certain = convoy::is_cifar(bytes, kind);
    try {
      const convoy::CifarSamples samples = convoy::parse_cifar(bytes, "input", kind);
      const std::size_t coarse = kind == convoy::Cifar::ten ? 0 : samples.labels.bytes.size();
      if (samples.features.bytes.size() + samples.labels.bytes.size() + coarse != size)
        std::abort();
      for (const std::byte label : samples.labels.bytes) {
        if (certain && std::to_integer<int>(label) >= classes_of(kind)) std::abort();
      }
    } catch (const convoy::DataError&) {
      if (certain) std::abort();
    }
  }
  return 0;
}
