#pragma once
// The rows of a database query as a table, as CSV becomes one.
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "convoy/data/formats/formats.hpp"
#include "data/formats/column_builder.hpp"
#include "data/sources/resolve.hpp"

namespace convoy {

/// A value of a row. Numbers are spelled so that they are read back as they are.
struct QueryValue {
  std::string_view text;
  bool is_text = false;  ///< by its type: even "12" is no number
  bool missing = false;  ///< NULL
};

/// An open database and a query that was found to be one. Used by one thread.
class QueryRows {
 public:
  virtual ~QueryRows() = default;
  /// The address, for messages.
  virtual const std::string& name() const = 0;
  virtual const std::vector<std::string>& columns() const = 0;
  /// Calls `row` for each row, from the first, whenever it is called; values are valid meanwhile.
  /// Throws DataError.
  virtual void read(const std::function<void(std::span<const QueryValue>)>& row) = 0;
};

/// `address` is a database's; `resolve` turns the path of an SQLite file into one of the system.
/// `quiet`: print no warning. Without a query it throws InputError that lists the database's
/// tables. Throws InputError and DataError, never with a password in the message.
std::unique_ptr<QueryRows> open_query(const std::string& address, const std::string& query,
                                      const Resolve& resolve, bool quiet);

/// What open_query does for the one and the other. `file`: the SQLite file's path of the system.
std::unique_ptr<QueryRows> open_sqlite(const std::string& address,
                                       const std::filesystem::path& file, const std::string& query);
std::unique_ptr<QueryRows> open_postgresql(const std::string& address, const std::string& query,
                                           bool quiet);

/// Throws DataError when the names cannot be those of columns: none, empty, twice, not UTF-8.
void check_query_columns(const std::vector<std::string>& names, const std::string& address);

/// "; the database has the tables a, b: write for example SELECT * FROM a".
std::string table_hint(const std::vector<std::string>& tables);

/// The rows for the builder of tables. NULL is a missing value, as are the options' spellings of
/// one; of the options categorical and ignore count besides. Bad rows as `parse_csv` has them:
/// infinities, text among numbers (SQLite has that), text that is not UTF-8. Reading throws
/// InputError / DataError naming the row, from 1. `rows` must outlive what is returned.
RowPasses query_passes(QueryRows& rows);

/// All rows as a table.
Table read_query(QueryRows& rows, const CsvOptions& options, const CsvTolerance* tolerance);

}  // namespace convoy
