#pragma once
// The rows of a database query as a table, as CSV becomes one.
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "convoy/data/formats/formats.hpp"
#include "convoy/data/sources/source.hpp"
#include "data/formats/column_builder.hpp"
#include "data/formats/table_files.hpp"
#include "data/sources/resolve.hpp"

namespace convoy {

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

/// The rows as a table is read; `rows` must outlive it.
std::unique_ptr<TableFiles> query_table(QueryRows& rows);

/// All rows as a table.
Table read_query(QueryRows& rows, const CsvOptions& options, const CsvTolerance* tolerance);

}  // namespace convoy
