// Any bytes are either an IDX array (gzip-compressed or not) whose size is what its header says, or
// an InputError.
#include <cstdint>
#include <cstdlib>

#include "convoy/core/error.hpp"
#include "data/formats/array.hpp"
#include "data/formats/gzip.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* input, std::size_t size) {
  const auto bytes = std::as_bytes(std::span(input, size));
  try {
    convoy::Array array;
    if (convoy::is_gzip(bytes)) {
      constexpr std::size_t limit = 1 << 20;
      const auto unpacked = convoy::own(convoy::unpack_gzip(bytes, "input", limit));
      array = convoy::parse_idx(*unpacked, "input", unpacked);
    } else {
      array = convoy::parse_idx(bytes, "input");
    }
    const auto elements = convoy::element_count(array.shape, array.type);
    if (!elements || *elements * convoy::size_of(array.type) != array.bytes.size()) std::abort();
    std::vector<double> values(*elements);
    convoy::to_doubles(array, 0, values);
  } catch (const convoy::InputError&) {
  }
  return 0;
}
