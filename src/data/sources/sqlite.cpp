// Declared in data/sources/query_rows.hpp.
// SQLite files (https://www.sqlite.org/c3ref/intro.html).
#include <fmt/format.h>
#include <sqlite3.h>

#include <array>
#include <cmath>
#include <cstring>

#include "convoy/core/error.hpp"
#include "data/formats/csv_lexer.hpp"
#include "data/sources/query_rows.hpp"

namespace convoy {
namespace {

struct SqliteDeleter {
  void operator()(sqlite3* database) const { ::sqlite3_close(database); }
  void operator()(sqlite3_stmt* statement) const { ::sqlite3_finalize(statement); }
};
using SqliteStatement = std::unique_ptr<sqlite3_stmt, SqliteDeleter>;

/// Nothing but reading. What else a query wants is remembered, for the message.
int allow_reading(void* refused, int action, const char*, const char*, const char*, const char*) {
  if (action == SQLITE_SELECT || action == SQLITE_READ || action == SQLITE_FUNCTION ||
      action == SQLITE_RECURSIVE) {
    return SQLITE_OK;
  }
  *static_cast<bool*>(refused) = true;
  return SQLITE_DENY;
}

class SqliteDatabase {
 public:
  SqliteDatabase(std::string address, const std::filesystem::path& file)
      : address_(std::move(address)) {
    std::error_code unknown;
    if (!std::filesystem::exists(file, unknown)) throw DataError(address_, "no such file");
    if (!std::filesystem::is_regular_file(file, unknown))
      throw DataError(address_, "is not a regular file");
    sqlite3* opened = nullptr;
    const int status = ::sqlite3_open_v2(file.c_str(), &opened,
                                         SQLITE_OPEN_READONLY | SQLITE_OPEN_NOMUTEX, nullptr);
    database_.reset(opened);
    if (status != SQLITE_OK || opened == nullptr) fail();
    ::sqlite3_busy_timeout(opened, 10'000);
    // The file may be anybody's.
    ::sqlite3_db_config(opened, SQLITE_DBCONFIG_DEFENSIVE, 1, nullptr);
    ::sqlite3_db_config(opened, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, nullptr);
    run("PRAGMA query_only = 1");
    run("BEGIN");  // all passes see the same rows
    ::sqlite3_set_authorizer(opened, allow_reading, &refused_);
  }

  const std::string& address() const { return address_; }

  std::vector<std::string> tables() {
    const SqliteStatement statement = prepare(
        "SELECT name FROM sqlite_master WHERE type IN ('table', 'view') AND name NOT LIKE "
        "'sqlite!_%' ESCAPE '!' ORDER BY name",
        nullptr);
    std::vector<std::string> names;
    while (step(*statement)) {
      const auto* text = reinterpret_cast<const char*>(::sqlite3_column_text(statement.get(), 0));
      names.emplace_back(text == nullptr ? "" : text);
    }
    return names;
  }

  /// `rest`: what follows the first statement.
  SqliteStatement prepare(std::string_view sql, std::string_view* rest) {
    refused_ = false;
    sqlite3_stmt* made = nullptr;
    const char* end = nullptr;
    const int status = ::sqlite3_prepare_v2(database_.get(), sql.data(),
                                            static_cast<int>(sql.size()), &made, &end);
    SqliteStatement statement(made);
    if (refused_ || (made != nullptr && ::sqlite3_stmt_readonly(made) == 0)) {
      throw DataError(address_,
                      "the query would do more than read; only queries that read are run");
    }
    if (status != SQLITE_OK) fail();
    if (rest != nullptr) *rest = sql.substr(static_cast<std::size_t>(end - sql.data()));
    return statement;
  }

  /// False after the last row.
  bool step(sqlite3_stmt& statement) {
    const int status = ::sqlite3_step(&statement);
    if (status == SQLITE_ROW) return true;
    if (status != SQLITE_DONE) fail();
    return false;
  }

 private:
  void run(const char* sql) {
    if (::sqlite3_exec(database_.get(), sql, nullptr, nullptr, nullptr) != SQLITE_OK) fail();
  }

  [[noreturn]] void fail() const {
    if (::sqlite3_errcode(database_.get()) == SQLITE_NOTADB)
      throw DataError(address_, "is not an SQLite database, or an encrypted one");
    std::string problem = ::sqlite3_errmsg(database_.get());
    for (char& c : problem) c = c == '\n' || c == '\r' ? ' ' : c;
    throw DataError(address_, problem);
  }

  std::string address_;
  std::unique_ptr<sqlite3, SqliteDeleter> database_;
  bool refused_ = false;
};

class SqliteRows final : public QueryRows {
 public:
  SqliteRows(std::unique_ptr<SqliteDatabase> database, const std::string& query)
      : database_(std::move(database)) {
    std::string_view rest;
    statement_ = database_->prepare(query, &rest);
    if (!statement_ || ::sqlite3_column_count(statement_.get()) == 0)
      throw DataError(name(), "the query is none that gives rows");
    if (database_->prepare(rest, nullptr))
      throw DataError(name(), "the query is more than one statement");
    const int count = ::sqlite3_column_count(statement_.get());
    for (int i = 0; i < count; ++i) {
      const char* column = ::sqlite3_column_name(statement_.get(), i);
      columns_.emplace_back(column == nullptr ? "" : column);
    }
    check_query_columns(columns_, name());
  }

  const std::string& name() const override { return database_->address(); }
  const std::vector<std::string>& columns() const override { return columns_; }

  void read(const std::function<void(std::span<const QueryValue>)>& row) override {
    ::sqlite3_reset(statement_.get());
    std::vector<QueryValue> values(columns_.size());
    std::vector<std::array<char, 40>> spellings(columns_.size());
    for (row_ = 1; database_->step(*statement_); ++row_) {
      for (std::size_t i = 0; i < values.size(); ++i) values[i] = value(i, spellings[i]);
      row(values);
    }
    ::sqlite3_reset(statement_.get());
  }

 private:
  QueryValue value(std::size_t i, std::array<char, 40>& spelling) const {
    sqlite3_stmt* const statement = statement_.get();
    const int column = static_cast<int>(i);
    const auto spell = [&](auto number) -> QueryValue {
      const auto end = fmt::format_to_n(spelling.data(), spelling.size(), "{}", number);
      return {{spelling.data(), std::min(end.size, spelling.size())}};
    };
    switch (::sqlite3_column_type(statement, column)) {
      case SQLITE_NULL:
        return {.missing = true};
      case SQLITE_INTEGER:
        return spell(::sqlite3_column_int64(statement, column));
      case SQLITE_FLOAT:
        return spell(::sqlite3_column_double(statement, column));
      case SQLITE_BLOB:
        throw DataError(
            fmt::format("{}:{}", name(), row_),
            fmt::format("column {} is a BLOB; leave it out of the query", in_quotes(columns_[i])));
      default:
        break;
    }
    const auto* text = reinterpret_cast<const char*>(::sqlite3_column_text(statement, column));
    const int size = ::sqlite3_column_bytes(statement, column);
    if (text == nullptr) throw DataError(name(), "not enough memory for a text");
    return {{text, static_cast<std::size_t>(size)}, true};
  }

  std::unique_ptr<SqliteDatabase> database_;
  SqliteStatement statement_;
  std::vector<std::string> columns_;
  std::int64_t row_ = 0;
};

}  // namespace

std::unique_ptr<QueryRows> open_sqlite(const std::string& address,
                                       const std::filesystem::path& file,
                                       const std::string& query) {
  auto database = std::make_unique<SqliteDatabase>(address, file);
  if (query.empty())
    throw InputError(
        fmt::format("{}: `query` is missing{}", address, table_hint(database->tables())));
  return std::make_unique<SqliteRows>(std::move(database), query);
}

namespace {

constexpr std::string_view sqlite_scheme = "sqlite:";

SourceKind sqlite_kind() {
  SourceKind kind;
  kind.name = "sqlite";
  kind.doc = "the rows of a query of an SQLite file";
  kind.schemes = {std::string(sqlite_scheme)};
  kind.address = "sqlite:FILE.db";
  kind.gives = Gives::rows;
  kind.check = [](const std::string& address) {
    if (address.size() == sqlite_scheme.size())
      throw InputError("sqlite: names no file; write sqlite:FILE.db");
  };
  kind.rows = [](const QueryRequest& request) {
    return open_sqlite(request.address, request.file(request.address.substr(sqlite_scheme.size())),
                       request.query);
  };
  return kind;
}

const schema::Registered sqlite_source(sources(), sqlite_kind());

}  // namespace

}  // namespace convoy
