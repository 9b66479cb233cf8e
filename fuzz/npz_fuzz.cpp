// Any bytes are either an archive of arrays that are as large as they say, or an InputError.
#include <cstdint>
#include <cstdlib>

#include "convoy/core/error.hpp"
#include "data/formats/array.hpp"
#include "data/formats/npz.hpp"

namespace {

void read(std::span<const std::byte> bytes, const std::string& array) {
  try {
    const convoy::Array read = convoy::parse_npz(bytes, "input", array);
    if (read.bytes.size() != *convoy::element_count(read.shape, read.type) * size_of(read.type))
      std::abort();
  } catch (const convoy::InputError&) {
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* input, std::size_t size) {
  const std::span<const std::byte> bytes = std::as_bytes(std::span(input, size));
  read(bytes, "");
  std::vector<std::string> names;
  try {
    names = convoy::npz_names(convoy::ZipArchive(bytes, "input"));
  } catch (const convoy::InputError&) {
  }
  constexpr std::size_t most = 4;
  for (std::size_t i = 0; i < std::min(most, names.size()); ++i) read(bytes, names[i]);
  return 0;
}
