// Any text is either an array whose bytes are what its shape says, or an InputError of one line.
#include <cstdint>
#include <cstdlib>

#include "convoy/core/error.hpp"
#include "data/formats/array.hpp"
#include "data/formats/csv_lexer.hpp"
#include "data/formats/json_array.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* input, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(input), size);
  (void)convoy::is_json_array(text);
  try {
    const convoy::Array array = convoy::parse_json_array(text, "input");
    const auto elements = convoy::element_count(array.shape, array.type);
    if (!elements || array.bytes.size() != *elements * convoy::size_of(array.type)) std::abort();
  } catch (const convoy::InputError& error) {
    const std::string_view message = error.what();
    if (message.find('\n') != message.npos || !convoy::is_utf8(message)) std::abort();
  }
  return 0;
}
