#pragma once
// What every table that a reader returns must be, for the fuzz targets.
#include <cmath>
#include <cstdlib>

#include "convoy/data/formats/formats.hpp"
#include "data/formats/csv_lexer.hpp"

inline void require(bool holds) {
  if (!holds) std::abort();
}

/// All columns are as long as the table says, and names and categories can go into JSON.
inline void check(const convoy::Table& table) {
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

/// Bad rows ascend, each has one line of text, and they hold nothing.
inline void check_bad_rows(const convoy::Table& table) {
  std::int64_t last = -1;
  for (const convoy::BadRow& bad : table.bad) {
    require(bad.row > last && bad.row < table.rows);
    require(!bad.problem.empty() && bad.problem.find('\n') == std::string::npos);
    require(convoy::is_utf8(bad.problem));
    last = bad.row;
    for (const convoy::Column& column : table.columns) {
      const auto row = static_cast<std::size_t>(bad.row);
      require(column.categorical ? column.codes[row] == -1 : std::isnan(column.numbers[row]));
    }
  }
}

/// What can be read whole is read alike with a tolerance for text among numbers of nothing.
inline void check_agreement(const convoy::Table& strict, const convoy::Table& tolerant) {
  require(tolerant.bad.empty() && tolerant.rows == strict.rows);
  for (std::size_t i = 0; i < strict.columns.size(); ++i) {
    require(tolerant.columns[i].categorical == strict.columns[i].categorical);
    require(tolerant.columns[i].codes == strict.columns[i].codes);
    require(tolerant.columns[i].categories == strict.columns[i].categories);
  }
}
