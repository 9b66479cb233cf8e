// Any text is either a table whose columns are all as long as it says, or an InputError of one
// line; with a tolerance, what is bad about it is a list of rows that hold nothing.
#include <cstdint>

#include "convoy/core/error.hpp"
#include "table_checks.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* input, std::size_t size) {
  if (size == 0) return 0;
  // The first byte chooses the options.
  constexpr const char* headers[] = {"true", "false", "skip"};
  constexpr const char* delimiters[] = {",", ";", "tab", " "};
  convoy::CsvOptions options;
  options.header = headers[input[0] % 3];
  options.delimiter = delimiters[input[0] / 3 % 4];
  if (input[0] / 12 % 2) options.missing = {"-1"};
  const std::string_view text(reinterpret_cast<const char*>(input) + 1, size - 1);
  const bool skip = input[0] / 24 % 2;
  const bool some = input[0] / 48 % 2;
  const convoy::CsvTolerance tolerance{some ? 0.5 : 0.0, {}};
  try {
    const convoy::Table table =
        convoy::parse_csv(text, "input", options, skip ? &tolerance : nullptr);
    check(table);
    check_bad_rows(table);
    if (!skip) {
      const convoy::CsvTolerance none{0, {}};
      check_agreement(table, convoy::parse_csv(text, "input", options, &none));
    }
  } catch (const convoy::InputError& error) {
    require(std::string_view(error.what()).find('\n') == std::string_view::npos);
  }
  return 0;
}
