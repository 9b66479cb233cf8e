// Any bytes are either a table whose columns are all as long as it says, or an InputError of one
// line. The last byte chooses the options: files of the corpus stay what they are at their begin.
// The component is what the build made, instrumented too; Arrow itself is not.
#include <cstdint>

#include "convoy/core/error.hpp"
#include "data/formats/columnar.hpp"
#include "table_checks.hpp"

namespace {

constexpr std::int64_t most_values = 1 << 18;  // so that a small file that claims much ends soon

convoy::CsvOptions options_of(const convoy::ColumnarTable& table, std::uint8_t choice) {
  convoy::CsvOptions options;
  if (choice & 1) options.missing = {"-1", "inf", "nan", "a"};
  if (choice & 2) options.categorical = table.names();
  if (choice & 4) options.ignore = {table.names()[0]};
  return options;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* input, std::size_t size) {
  if (size == 0) return 0;
  const std::uint8_t choice = input[size - 1];
  const convoy::Content content{"input", std::as_bytes(std::span(input, size)), {}};
  const convoy::CsvTolerance tolerance;
  try {
    const convoy::ColumnarTable columnar({content}, most_values);
    const convoy::CsvOptions options = options_of(columnar, choice);
    const convoy::Table table =
        columnar.read("input", options, choice & 8 ? &tolerance : nullptr, {});
    check(table);
    check_bad_rows(table);
    const auto stream = columnar.stream("input", options, choice & 8 ? &tolerance : nullptr, {});
    require(stream->head().rows == table.rows);
  } catch (const convoy::InputError& error) {
    require(std::string_view(error.what()).find('\n') == std::string_view::npos);
  }
  return 0;
}
