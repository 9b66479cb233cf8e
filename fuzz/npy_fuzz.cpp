// Any bytes are either an NPY array, which then survives writing and reading, or an InputError.
#include <algorithm>
#include <cstdint>
#include <cstdlib>

#include "convoy/core/error.hpp"
#include "data/formats/array.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* input, std::size_t size) {
  convoy::Array array;
  try {
    array = convoy::parse_npy(std::as_bytes(std::span(input, size)), "input");
  } catch (const convoy::InputError&) {
    return 0;
  }
  const std::string text = convoy::format_npy(array);
  const convoy::Array again =
      convoy::parse_npy(std::as_bytes(std::span(text.data(), text.size())), "again");
  if (again.shape != array.shape || again.type != array.type) std::abort();
  if (!std::equal(again.bytes.begin(), again.bytes.end(), array.bytes.begin(), array.bytes.end())) {
    std::abort();
  }
  return 0;
}
