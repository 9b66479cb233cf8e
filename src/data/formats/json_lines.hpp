#pragma once
// JSON Lines, or a JSON list of objects, to a table, as CSV becomes one: the keys are its columns.
#include "data/formats/column_builder.hpp"
#include "data/formats/json_records.hpp"

namespace convoy {

/// The keys of all lines that can be read, in order of first appearance.
struct JsonKeys {
  std::vector<std::string> names;
  std::int64_t rows = 0;  ///< bad lines included
};

/// Whether the text begins as a JSON object does.
bool is_json_lines(std::string_view text);

/// Throws DataError when a line cannot be read (unless that is tolerated), no line can, or the
/// table would have more values than fit the memory of most machines.
JsonKeys find_json_keys(std::string_view text, const std::string& name, bool tolerant = false,
                        JsonLayout layout = JsonLayout::lines);

/// The records of a text as rows of these columns; keys that are none of them count for nothing.
RowPasses json_rows(std::string_view text, const std::string& name,
                    const std::vector<std::string>& columns, JsonLayout layout);

/// Throws DataError naming the file when a table of so many keys and rows would not fit the memory
/// of most machines.
void require_memory(const JsonKeys& keys, const std::string& name);

/// A key that is not there and null are missing values, as are the options' spellings of one. A
/// column with text or a boolean in it is categorical. Bad lines as `parse_csv` has bad rows. Of
/// the options only missing, categorical and ignore count. `keys` may name more columns than the
/// file has. Throws InputError / DataError naming the line.
Table parse_json_lines(std::string_view text, const std::string& name, const CsvOptions& options,
                       const CsvTolerance* tolerance, const JsonKeys& keys,
                       JsonLayout layout = JsonLayout::lines);
Table parse_json_lines(std::string_view text, const std::string& name, const CsvOptions& options,
                       const CsvTolerance* tolerance = nullptr);

/// The same of a list of objects.
Table parse_json_list(std::string_view text, const std::string& name, const CsvOptions& options,
                      const CsvTolerance* tolerance = nullptr);

}  // namespace convoy
