// Any text is either a manifest that writes the same text again, or an InputError of one line. Any
// path comes back as it was or is refused.
#include <cstdint>
#include <cstdlib>
#include <string>

#include "convoy/core/error.hpp"
#include "convoy/data/integrity/manifest.hpp"

namespace {

void require(bool holds) {
  if (!holds) std::abort();
}

bool reads(const std::string& text, convoy::Manifest& manifest) {
  try {
    manifest = convoy::parse_manifest(text, "input");
    return true;
  } catch (const convoy::InputError& error) {
    require(std::string_view(error.what()).find('\n') == std::string_view::npos);
    return false;
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* input, std::size_t size) {
  const std::string text(reinterpret_cast<const char*>(input), size);
  convoy::Manifest manifest;
  if (reads(text, manifest)) {
    convoy::Manifest again;
    require(reads(convoy::format_manifest(manifest), again));
    require(again.files.size() == manifest.files.size());
  }
  for (const char c : text) {
    if (static_cast<unsigned char>(c) >= 0x80) return 0;  // JSON is UTF-8
  }
  convoy::Manifest made;
  made.files.push_back({text, size, std::vector<std::uint64_t>(size > 0 ? 1 : 0, size)});
  convoy::Manifest again;
  if (!reads(convoy::format_manifest(made), again)) return 0;
  require(again.files.size() == 1 && again.files[0].path == text);
  require(text.front() != '/' && !text.starts_with("../") && text.find("/../") == text.npos);
  return 0;
}
