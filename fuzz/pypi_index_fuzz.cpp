// Whatever an index of Python packages answers is an archive with a checksum and a plain name, or
// an InputError of one line.
#include <cstdint>
#include <cstdlib>

#include "convoy/core/error.hpp"
#include "data/formats/csv_lexer.hpp"
#include "data/sources/pypi_index.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* input, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(input), size);
  try {
    const convoy::PypiArchive archive = convoy::choose_pypi_archive(
        text, "numbers", "1.0", "x86_64", "https://index.example/simple/numbers/");
    const bool plain = !archive.file.empty() && archive.file[0] != '.' &&
                       archive.file.find('/') == archive.file.npos;
    if (!plain || archive.sha256.size() != 64 || !archive.url.starts_with("http")) std::abort();
  } catch (const convoy::InputError& error) {
    const std::string_view message = error.what();
    if (message.find('\n') != message.npos || !convoy::is_utf8(message)) std::abort();
  }
  return 0;
}
