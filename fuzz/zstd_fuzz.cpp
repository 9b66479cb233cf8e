// Any bytes either unpack to no more than is allowed, or are an InputError of one line.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "convoy/core/error.hpp"
#include "data/formats/zstd.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* input, std::size_t size) {
  const auto bytes = std::as_bytes(std::span(input, size));
  if (!convoy::is_zstd(bytes)) return 0;
  constexpr std::size_t limit = 1 << 20;
  try {
    if (convoy::unpack_zstd(bytes, "input", limit).size() > limit) std::abort();
  } catch (const convoy::InputError& error) {
    if (std::string_view(error.what()).find('\n') != std::string_view::npos) std::abort();
  }
  return 0;
}
