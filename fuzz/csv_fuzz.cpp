// Any text is either a table whose columns are all as long as it says, or an InputError of one
// line; with a tolerance, what is bad about it is a list of rows that hold nothing.
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

void check_bad_rows(const convoy::Table& table) {
  std::int64_t last = -1;
  for (const convoy::BadRow& bad : table.bad) {
    require(bad.row > last && bad.row < table.rows);
    require(!bad.problem.empty() && bad.problem.find('\n') == std::string::npos);
    last = bad.row;
    for (const convoy::Column& column : table.columns) {
      const auto row = static_cast<std::size_t>(bad.row);
      require(column.categorical ? column.codes[row] == -1 : std::isnan(column.numbers[row]));
    }
  }
}

/// What can be read whole is read alike with a tolerance for text among numbers of nothing.
void check_agreement(const convoy::Table& strict, const convoy::Table& tolerant) {
  require(tolerant.bad.empty() && tolerant.rows == strict.rows);
  for (std::size_t i = 0; i < strict.columns.size(); ++i) {
    require(tolerant.columns[i].categorical == strict.columns[i].categorical);
    require(tolerant.columns[i].codes == strict.columns[i].codes);
    require(tolerant.columns[i].categories == strict.columns[i].categories);
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
