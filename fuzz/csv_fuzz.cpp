// Any text is either a table whose columns are all as long as it says, or an InputError of one
// line.
#include <cmath>
#include <cstdint>
#include <cstdlib>

#include "convoy/core/error.hpp"
#include "convoy/data/formats.hpp"
#include "data/csv_lexer.hpp"

namespace {

void require(bool holds) {
  if (!holds) std::abort();
}

void check(const convoy::Table& table) {
  for (const convoy::Column& column : table.columns) {
    require(convoy::is_utf8(column.name) && !column.name.empty());
    const auto rows = static_cast<std::size_t>(table.rows);
    require(column.numbers.size() == (column.categorical ? 0 : rows));
    require(column.codes.size() == (column.categorical ? rows : 0));
    for (const double x : column.numbers) require(!std::isinf(x));
    for (const std::int32_t code : column.codes) {
      require(code >= -1 && code < static_cast<std::int32_t>(column.categories.size()));
    }
    for (const std::string& category : column.categories) require(convoy::is_utf8(category));
  }
}

}  // namespace

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
  try {
    check(convoy::parse_csv(text, "input", options));
  } catch (const convoy::InputError& error) {
    require(std::string_view(error.what()).find('\n') == std::string_view::npos);
  }
  return 0;
}
