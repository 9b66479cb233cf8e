// JSON Lines and lists of JSON objects: any text is either a table whose columns are all as long as
// it says, or an InputError of one line; with a tolerance, what is bad about it is a list of rows
// that hold nothing.
#include <cstdint>

#include "convoy/core/error.hpp"
#include "data/formats/json_array.hpp"
#include "data/formats/json_lines.hpp"
#include "table_checks.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* input, std::size_t size) {
  if (size == 0) return 0;
  // The first byte chooses the options.
  convoy::CsvOptions options;
  if (input[0] % 2) options.missing = {"-1"};
  const bool skip = input[0] / 2 % 2;
  const convoy::CsvTolerance tolerance{input[0] / 4 % 2 ? 0.5 : 0.0, {}};
  const std::string_view text(reinterpret_cast<const char*>(input) + 1, size - 1);
  (void)convoy::is_json_lines(text);
  (void)convoy::is_json_list(text);
  const auto parse = [&](const convoy::CsvTolerance* given) {
    return input[0] / 128 ? convoy::parse_json_list(text, "input", options, given)
                          : convoy::parse_json_lines(text, "input", options, given);
  };
  try {
    const convoy::Table table = parse(skip ? &tolerance : nullptr);
    check(table);
    check_bad_rows(table);
    if (!skip) {
      const convoy::CsvTolerance none{0, {}};
      check_agreement(table, parse(&none));
    }
  } catch (const convoy::InputError& error) {
    const std::string_view message = error.what();
    require(message.find('\n') == message.npos && convoy::is_utf8(message));
  }
  return 0;
}
