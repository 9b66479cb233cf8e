// Any bytes are either an HDF5 file whose dataset is as large as it says, or an InputError, though
// libhdf5 may crash on them in its own process. The last byte chooses the dataset.
#include <cstdint>
#include <cstdlib>

#include "convoy/core/error.hpp"
#include "data/formats/array.hpp"
#include "data/formats/hdf5.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* input, std::size_t size) {
  constexpr const char* arrays[] = {"", "train/x", "f4", "x"};
  const std::span<const std::byte> bytes = std::as_bytes(std::span(input, size));
  try {
    const convoy::Array read =
        convoy::parse_hdf5(bytes, "input", arrays[size == 0 ? 0 : input[size - 1] % 4]);
    if (read.bytes.size() != *convoy::element_count(read.shape, read.type) * size_of(read.type))
      std::abort();
  } catch (const convoy::InputError&) {
  }
  return 0;
}
