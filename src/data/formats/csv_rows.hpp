#pragma once
// The rows of a CSV text, for the builder of tables.
#include "data/formats/column_builder.hpp"

namespace convoy {

struct CsvRows {
  std::vector<std::string> names;  ///< of all columns, ignored ones included
  RowPasses passes;                ///< refer to the text
};

/// Reads the header. `tolerant`: rows may be bad. Throws InputError / DataError as parse_csv.
CsvRows csv_rows(std::string_view text, const std::string& name, const CsvOptions& options,
                 bool tolerant);

}  // namespace convoy
