#pragma once
// How tables of text are read. No libtorch in this header.
#include <string>
#include <vector>

#pragma GCC visibility push(default)

namespace convoy {

/// How CSV and TSV files are read. The last three hold for JSON Lines too.
struct CsvOptions {
  std::string header = "true";  ///< "true": first line names the columns; "false": none; "skip":
                                ///< ignore the first line
  std::vector<std::string> columns;  ///< names, where the header does not give them
  std::string delimiter = ",";       ///< one character; "tab" for a tab, which TSV files have
  std::vector<std::string> missing = {"",    "NA", "NaN",
                                      "nan", "?",  "null"};  ///< what counts as a missing value
  std::vector<std::string>
      categorical;  ///< columns to read as categories even if they look like numbers
  std::vector<std::string> ignore;  ///< columns to leave out
};

}  // namespace convoy

#pragma GCC visibility pop
