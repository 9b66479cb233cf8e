// Matching any name with any pattern comes to an end; a name without special characters matches
// itself, and everything that is not hidden matches "*".
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "data/sources/glob.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* input, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(input), size);
  const std::string_view pattern = text.substr(0, text.find('\n'));
  const std::string_view name = text.substr(std::min(pattern.size() + 1, text.size()));
  convoy::glob_matches(pattern, name);
  if (!convoy::has_wildcard(pattern) && !convoy::glob_matches(pattern, pattern)) std::abort();
  if (!name.starts_with('.') && !convoy::glob_matches("*", name)) std::abort();
  return 0;
}
