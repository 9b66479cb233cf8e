// Declared in data/sources/query_rows.hpp.
// PostgreSQL over libpq (https://www.postgresql.org/docs/15/libpq.html).
#include <fmt/format.h>
#include <libpq-fe.h>

#include <algorithm>
#include <cstring>

#include "convoy/core/error.hpp"
#include "data/formats/csv_lexer.hpp"
#include "data/sources/address_text.hpp"
#include "data/sources/query_rows.hpp"
#include "data/sources/sql_text.hpp"

namespace convoy {
namespace {

struct PostgresDeleter {
  void operator()(PGconn* connection) const { ::PQfinish(connection); }
  void operator()(PGresult* result) const { ::PQclear(result); }
  void operator()(PQconninfoOption* options) const { ::PQconninfoFree(options); }
};
using PostgresResult = std::unique_ptr<PGresult, PostgresDeleter>;

// Of pg_type.dat; they are part of the protocol and never change.
constexpr Oid bool_type = 16;
constexpr Oid bytea_type = 17;
constexpr Oid number_types[] = {20, 21, 23, 26, 700, 701, 1700};

/// The line of libpq's message that says why, of the last of the addresses it tried.
std::string telling_line_of(const char* message) {
  std::string first;
  std::string last;
  std::string_view left = message;
  while (!left.empty()) {
    const std::size_t end = std::min(left.find('\n'), left.size());
    const std::string line(left.substr(0, end));
    left.remove_prefix(std::min(end + 1, left.size()));
    if (first.empty()) first = line;
    if (line.starts_with("connection to server")) last = line;
  }
  return last.empty() ? first : last;
}

[[noreturn]] void refuse_password(const std::string& shown) {
  throw InputError(fmt::format(
      "{}: the address has a password in it; take it out and put it into ~/.pgpass or $PGPASSWORD",
      shown));
}

/// The address's parts, to which libpq adds what the environment says.
class ConnectionOptions {
 public:
  ConnectionOptions(const std::string& address, const std::string& shown) {
    // What libpq says of an address it cannot read may hold a password.
    const std::unique_ptr<PQconninfoOption, PostgresDeleter> parts(
        ::PQconninfoParse(address.c_str(), nullptr));
    if (!parts) {
      throw InputError(fmt::format(
          "{}: cannot be understood; write postgresql://[USER@]HOST[:PORT]/DATABASE", shown));
    }
    for (const PQconninfoOption* option = parts.get(); option->keyword != nullptr; ++option) {
      if (option->val == nullptr) continue;
      const std::string name = option->keyword;
      if (name == "password" || name == "sslpassword") refuse_password(shown);
      add(name, option->val);
    }
    add_default("connect_timeout", "15");
    add_default("tcp_user_timeout", "60000");  // milliseconds
    add_default("application_name", "convoy");
    set("client_encoding", "UTF8");
  }

  PGconn* connect() const {
    std::vector<const char*> names;
    std::vector<const char*> values;
    for (const auto& [name, value] : options_) {
      names.push_back(name.c_str());
      values.push_back(value.c_str());
    }
    names.push_back(nullptr);
    values.push_back(nullptr);
    return ::PQconnectdbParams(names.data(), values.data(), /*expand_dbname=*/0);
  }

 private:
  void add(const std::string& name, const std::string& value) {
    options_.emplace_back(name, value);
  }
  auto find(const std::string& name) {
    return std::find_if(options_.begin(), options_.end(),
                        [&](const auto& option) { return option.first == name; });
  }
  void add_default(const std::string& name, const std::string& value) {
    if (find(name) == options_.end()) add(name, value);
  }
  void set(const std::string& name, const std::string& value) {
    add_default(name, value);
    find(name)->second = value;
  }

  std::vector<std::pair<std::string, std::string>> options_;
};

class PostgresConnection {
 public:
  PostgresConnection(const std::string& address, std::string shown) : shown_(std::move(shown)) {
    connection_.reset(ConnectionOptions(address, shown_).connect());
    PGconn* const connection = connection_.get();
    if (connection == nullptr || ::PQstatus(connection) != CONNECTION_OK) {
      std::string problem =
          connection ? telling_line_of(::PQerrorMessage(connection)) : "no memory";
      if (connection && ::PQconnectionNeedsPassword(connection) != 0)
        problem += "; put the password into ~/.pgpass or $PGPASSWORD";
      throw DataError(shown_, problem);
    }
    ::PQsetNoticeProcessor(
        connection, [](void*, const char*) {}, nullptr);
    // One picture of the database for all that follows, and nothing can be written.
    run("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY");
    // All rows will be wanted; and a large table is read from its beginning.
    run("SET LOCAL cursor_tuple_fraction = 1");
    run("SET LOCAL synchronize_seqscans = off");
  }

  const std::string& shown() const { return shown_; }

  /// One statement; with rows or without.
  PostgresResult run(const std::string& sql) const {
    return checked(::PQexecParams(connection_.get(), sql.c_str(), 0, nullptr, nullptr, nullptr,
                                  nullptr, /*resultFormat=*/0));
  }
  PostgresResult describe(const char* cursor) const {
    return checked(::PQdescribePortal(connection_.get(), cursor));
  }

  std::vector<std::string> tables() const {
    const PostgresResult found =
        run("SELECT CASE WHEN table_schema = ANY (current_schemas(false)) THEN "
            "quote_ident(table_name) ELSE quote_ident(table_schema) || '.' || "
            "quote_ident(table_name) END FROM information_schema.tables WHERE table_schema NOT IN "
            "('pg_catalog', 'information_schema') ORDER BY table_schema, table_name");
    std::vector<std::string> names;
    for (int i = 0; i < ::PQntuples(found.get()); ++i)
      names.emplace_back(::PQgetvalue(found.get(), i, 0));
    return names;
  }

 private:
  PostgresResult checked(PGresult* raw) const {
    PostgresResult result(raw);
    const ExecStatusType status = ::PQresultStatus(raw);
    if (status == PGRES_TUPLES_OK || status == PGRES_COMMAND_OK) return result;
    const char* const primary = ::PQresultErrorField(raw, PG_DIAG_MESSAGE_PRIMARY);
    throw DataError(shown_, telling_line_of(primary != nullptr && *primary != '\0'
                                                ? primary
                                                : ::PQerrorMessage(connection_.get())));
  }

  std::string shown_;
  std::unique_ptr<PGconn, PostgresDeleter> connection_;
};

/// Rows through a cursor, some at a time.
class PostgresRows final : public QueryRows {
 public:
  PostgresRows(std::unique_ptr<PostgresConnection> connection, std::string query)
      : connection_(std::move(connection)), query_(std::move(query)) {
    declare();
    const PostgresResult description = connection_->describe("convoy_rows");
    for (int i = 0; i < ::PQnfields(description.get()); ++i) {
      columns_.emplace_back(::PQfname(description.get(), i));
      types_.push_back(::PQftype(description.get(), i));
      if (types_.back() == bytea_type) {
        throw DataError(name(),
                        fmt::format("column {} is of bytes (bytea); leave it out of the query",
                                    in_quotes(columns_.back())));
      }
    }
    check_query_columns(columns_, name());
  }

  const std::string& name() const override { return connection_->shown(); }
  const std::vector<std::string>& columns() const override { return columns_; }

  void read(const std::function<void(std::span<const QueryValue>)>& row) override {
    if (used_) {
      connection_->run("CLOSE convoy_rows");
      declare();
    }
    used_ = true;
    std::vector<QueryValue> values(columns_.size());
    while (true) {
      const PostgresResult some = connection_->run("FETCH FORWARD 1000 FROM convoy_rows");
      const int count = ::PQntuples(some.get());
      if (count == 0) return;
      for (int i = 0; i < count; ++i) {
        for (std::size_t k = 0; k < values.size(); ++k)
          values[k] = value(some.get(), i, static_cast<int>(k));
        row(values);
      }
    }
  }

 private:
  void declare() const { connection_->run("DECLARE convoy_rows NO SCROLL CURSOR FOR " + query_); }

  QueryValue value(const PGresult* result, int row, int column) const {
    if (::PQgetisnull(result, row, column) != 0) return {.missing = true};
    const std::string_view text(::PQgetvalue(result, row, column),
                                static_cast<std::size_t>(::PQgetlength(result, row, column)));
    const Oid type = types_[static_cast<std::size_t>(column)];
    if (type == bool_type) return {text == "t" ? "true" : "false", true};
    const bool number =
        std::find(std::begin(number_types), std::end(number_types), type) != std::end(number_types);
    return {text, !number};
  }

  std::unique_ptr<PostgresConnection> connection_;
  std::string query_;
  std::vector<std::string> columns_;
  std::vector<Oid> types_;
  bool used_ = false;
};

void require_reading(const std::string& query, const std::string& shown) {
  const std::string word = first_word(query);
  for (const char* known : {"select", "with", "values", "table", "("}) {
    if (word == known) return;
  }
  throw DataError(shown, fmt::format("the query begins with {}; only queries that read are run: "
                                     "SELECT, WITH, VALUES or TABLE",
                                     in_quotes(word)));
}

}  // namespace

std::unique_ptr<QueryRows> open_postgresql(const std::string& address, const std::string& query,
                                           bool quiet) {
  const std::string shown = without_secrets(address);
  auto connection = std::make_unique<PostgresConnection>(address, shown);
  if (query.empty())
    throw InputError(
        fmt::format("{}: `query` is missing{}", shown, table_hint(connection->tables())));
  require_reading(query, shown);
  if (!quiet && !has_order_by(query)) {
    fmt::print(stderr,
               "convoy: {}: the query has no ORDER BY, so its rows may come in another order next "
               "time, and the result differ\n",
               shown);
  }
  return std::make_unique<PostgresRows>(std::move(connection), query);
}

namespace {

SourceKind postgresql_kind() {
  SourceKind kind;
  kind.name = "postgresql";
  kind.doc = "the rows of a query of a PostgreSQL server";
  kind.schemes = {"postgresql://", "postgres://"};
  kind.address = "postgresql://HOST/DATABASE";
  kind.gives = Gives::rows;
  kind.shown = without_secrets;
  kind.check = check_database_address;
  kind.rows = [](const QueryRequest& request) {
    return open_postgresql(request.address, request.query, request.quiet);
  };
  return kind;
}

const schema::Registered postgresql_source(sources(), postgresql_kind());

}  // namespace

}  // namespace convoy
