// Databases as tables, addresses without a server, and the standard input.
#include <fcntl.h>
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <sqlite3.h>
#include <unistd.h>

#include "convoy/core/file.hpp"
#include "convoy/data/inspect/inspect.hpp"
#include "convoy/data/load.hpp"
#include "convoy/job/job.hpp"
#include "data/sources/address.hpp"
#include "data/sources/address_text.hpp"
#include "data/sources/query_rows.hpp"
#include "data/sources/sql_text.hpp"
#include "data_peers.hpp"
#include "data_support.hpp"

namespace convoy {
namespace data_sources_query_test {

namespace fs = std::filesystem;
using test::error_of;
using ::testing::AllOf;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsNan;
using ::testing::Not;

class DataSourcesQuery : public ::testing::Test {
 protected:
  fs::path file() const { return directory_.path() / "t.db"; }

  void execute(const std::string& sql) const {
    sqlite3* database = nullptr;
    ASSERT_EQ(sqlite3_open(file().c_str(), &database), SQLITE_OK);
    ASSERT_EQ(sqlite3_exec(database, sql.c_str(), nullptr, nullptr, nullptr), SQLITE_OK)
        << sqlite3_errmsg(database);
    sqlite3_close(database);
  }

  Table read(const std::string& query, const CsvOptions& options = {},
             const CsvTolerance* tolerance = nullptr) const {
    return read_query(*open_sqlite("sqlite:t.db", file(), query), options, tolerance);
  }
  std::string error_in(const std::string& query, const CsvOptions& options = {}) const {
    return error_of([&] { read(query, options); });
  }

  /// The same rows as CSV and as a database.
  void write_both() const {
    std::string csv = "color,a,b,y\n";
    std::string sql =
        "CREATE TABLE t (color TEXT, a INTEGER, b REAL, y TEXT); BEGIN; CREATE VIEW v AS SELECT 1 "
        "c;";
    for (int i = 0; i < 300; ++i) {
      const std::string b = i % 7 == 3 ? "" : fmt::format("{}.1", i % 11);
      const char* y = i % 3 ? "no" : "yes";
      csv += fmt::format("c{},{},{},{}\n", i * i % 5, i, b, y);
      sql += fmt::format("INSERT INTO t VALUES ('c{}', {}, {}, '{}');", i * i % 5, i,
                         b.empty() ? "NULL" : b, y);
    }
    directory_.write("t.csv", csv);
    execute(sql + "COMMIT;");
  }

  DataOptions options() const {
    DataOptions data;
    data.target = {"y"};
    data.train = {.file = "sqlite:t.db", .query = "SELECT * FROM t ORDER BY a"};
    return data;
  }

  test::Directory directory_;
};

TEST_F(DataSourcesQuery, ValuesAreNumbersTextAndMissing) {
  execute(
      "CREATE TABLE t (a, b, c, d); INSERT INTO t VALUES (1, 0.1, 'red', 7), (NULL, -1e300, NULL, "
      "8),"
      " (9007199254740993, NULL, 'NA', 7)");
  const Table table = read("SELECT * FROM t", {.categorical = {"d"}});
  ASSERT_EQ(table.columns.size(), 4u);
  EXPECT_EQ(table.rows, 3);
  EXPECT_THAT(table.columns[0].numbers, ElementsAre(1, IsNan(), 9007199254740992.0));
  EXPECT_THAT(table.columns[1].numbers, ElementsAre(0.1, -1e300, IsNan()));
  EXPECT_THAT(table.columns[2].categories, ElementsAre("red"));
  EXPECT_THAT(table.columns[2].codes, ElementsAre(0, -1, -1));  // NA is missing too
  EXPECT_THAT(table.columns[3].categories, ElementsAre("7", "8"));
  EXPECT_EQ(read("SELECT a, b FROM t;  -- all of it\n", {.ignore = {"b"}}).columns.size(), 1u);
  EXPECT_EQ(read("SELECT a FROM t WHERE a = 77").rows, 0);
}

TEST_F(DataSourcesQuery, TextAfterNumbersMakesCategories) {
  execute("CREATE TABLE t (a); INSERT INTO t VALUES (1), (2.5), ('x'), (1)");
  const Table table = read("SELECT a FROM t");
  EXPECT_THAT(table.columns[0].categories, ElementsAre("1", "2.5", "x"));
  EXPECT_THAT(table.columns[0].codes, ElementsAre(0, 1, 2, 0));
  EXPECT_TRUE(read("SELECT '12' AS a").columns[0].categorical);
}

TEST_F(DataSourcesQuery, BadRowsAreLeftOutWhereThatIsWanted) {
  execute("CREATE TABLE t (i INTEGER, a); BEGIN");
  std::string sql = "BEGIN;";
  for (int i = 0; i < 200; ++i) sql += fmt::format("INSERT INTO t VALUES ({0}, {0} * 0.5);", i);
  execute(sql +
          "UPDATE t SET a = 'oops' WHERE i = 50; UPDATE t SET a = 9e999 WHERE i = 60; COMMIT;");
  const CsvTolerance tolerance;
  const Table table = read("SELECT * FROM t ORDER BY i", {}, &tolerance);
  EXPECT_FALSE(table.columns[1].categorical);
  ASSERT_EQ(table.bad.size(), 2u);
  EXPECT_EQ(table.bad[0].row, 50);
  EXPECT_EQ(table.bad[0].problem, "sqlite:t.db:51: column 'a': 'oops' is not a number");
  EXPECT_THAT(table.bad[1].problem, HasSubstr("is not a finite number"));
  EXPECT_THAT(error_in("SELECT 9e999 AS a"), HasSubstr("sqlite:t.db:1: column 'a': 'inf' is not"));
}

TEST_F(DataSourcesQuery, WhatIsWrongIsOneLine) {
  execute("CREATE TABLE t (a, b); INSERT INTO t VALUES (1, x'00ff'), (2, 'a' || char(0))");
  EXPECT_EQ(error_in("SELECT b FROM t"),
            "sqlite:t.db:1: column 'b' is a BLOB; leave it out of the query");
  EXPECT_EQ(error_in("SELECT b FROM t WHERE a = 2"), "sqlite:t.db:1: text holds a NUL byte");
  EXPECT_EQ(error_in("SELECT z FROM t"), "sqlite:t.db: no such column: z");
  EXPECT_THAT(error_in("SELEC a"), HasSubstr("syntax error"));
  EXPECT_THAT(error_in("SELECT a, a FROM t"), HasSubstr("two columns 'a'"));
  EXPECT_THAT(error_in("SELECT a AS \"\" FROM t"), HasSubstr("a column without a name"));
  EXPECT_THAT(error_in("  "), HasSubstr("is none that gives rows"));
  EXPECT_THAT(error_in("SELECT 1 AS a; SELECT 2 AS a"), HasSubstr("more than one statement"));
  EXPECT_THAT(error_in("SELECT CAST(x'ff' AS TEXT) AS a"), HasSubstr("is not UTF-8"));
  EXPECT_THAT(error_in("SELECT a FROM t", {.ignore = {"z"}}),
              HasSubstr("data.csv.ignore: sqlite:t.db has no column 'z'; it has a"));
  EXPECT_EQ(error_of([&] { open_sqlite("sqlite:no.db", directory_.path() / "no.db", "SELECT 1"); }),
            "sqlite:no.db: no such file");
  const fs::path text = directory_.write("text.db", std::string(2000, 'x'));
  EXPECT_EQ(error_of([&] { open_sqlite("sqlite:text.db", text, "SELECT 1 FROM t"); }),
            "sqlite:text.db: is not an SQLite database, or an encrypted one");
  EXPECT_THAT(error_of([&] { open_sqlite("sqlite:.", directory_.path(), "SELECT 1"); }),
              HasSubstr("is not a regular file"));
}

TEST_F(DataSourcesQuery, NothingIsWritten) {
  execute("CREATE TABLE t (a); INSERT INTO t VALUES (1)");
  const std::string before = read_text_file(file());
  for (const char* query :
       {"INSERT INTO t VALUES (2) RETURNING a", "DELETE FROM t", "DROP TABLE t",
        "UPDATE t SET a = 3 RETURNING a", "CREATE TABLE u AS SELECT 1", "PRAGMA journal_mode = WAL",
        "ATTACH 'other.db' AS o", "VACUUM INTO 'copy.db'", "COMMIT", "PRAGMA user_version = 3"}) {
    EXPECT_EQ(error_in(query),
              "sqlite:t.db: the query would do more than read; only queries that read are run")
        << query;
  }
  EXPECT_THAT(error_in("SELECT load_extension('x')"), Not(HasSubstr("no error")));
  EXPECT_EQ(read_text_file(file()), before);
}

TEST_F(DataSourcesQuery, WithoutAQueryTheTablesAreListed) {
  write_both();
  DataOptions data = options();
  data.train.query = "";
  EXPECT_EQ(error_of([&] {
              load_splits({data, {}, 1, directory_.path()});
            }),
            "sqlite:t.db: `query` is missing; the database has the tables t, v: write for example "
            "SELECT * FROM t");
  data.train = {.file = "t.csv", .query = "SELECT 1"};
  EXPECT_EQ(error_of([&] {
              load_splits({data, {}, 1, directory_.path()});
            }),
            "data.train: `query` is for databases, postgresql://HOST/DATABASE or sqlite:FILE.db");
  data.train = {.features = "t.csv", .labels = "sqlite:t.db", .query = "SELECT 1"};
  EXPECT_THAT(error_of([&] {
                load_splits({data, {}, 1, directory_.path()});
              }),
              HasSubstr("give it as `file`"));
}

TEST_F(DataSourcesQuery, AJobSeesWhatItSeesInCsv) {
  write_both();
  DataOptions database = options();
  database.validation = 0.1;
  DataOptions csv = database;
  csv.train = {.file = "t.csv"};
  const PreprocessStep impute{"impute"};
  const PreprocessStep one_hot{"one_hot"};
  for (const std::string bad : {"stop", "skip"}) {
    database.on_bad_sample = csv.on_bad_sample = bad;
    const Splits a = load_splits({database, {impute, one_hot}, 3, directory_.path()});
    const Splits b = load_splits({csv, {impute, one_hot}, 3, directory_.path()});
    EXPECT_EQ(a.fingerprint, b.fingerprint);
    EXPECT_EQ(a.fitted, b.fitted);
    const auto rows = load_for_prediction(
        database, {.file = "sqlite:t.db", .query = "SELECT a, b, color FROM t WHERE a < 20"},
        b.fitted, directory_.path());
    EXPECT_EQ(rows->size(), 20);
  }
  test::run_workers(2, [&](Peers& peers) {
    EXPECT_EQ(load_splits({database, {impute, one_hot}, 3, directory_.path()}, &peers).fingerprint,
              load_splits({csv, {impute, one_hot}, 3, directory_.path()}).fingerprint);
  });
  database.test = csv.train;
  EXPECT_EQ(load_splits({database, {impute, one_hot}, 3, directory_.path()}).test->size(), 300);
}

TEST_F(DataSourcesQuery, IsInspected) {
  write_both();
  DataOptions data;
  data.train.query = "SELECT * FROM t";
  const auto record = inspect_file("sqlite:" + file().string(), data, 1);
  EXPECT_EQ(record["files"][0]["samples"], 300);
  data.target = {"y"};
  EXPECT_EQ(inspect_file("sqlite:" + file().string(), data, 1)["splits"][0]["samples"], 300);
}

TEST(DataSourcesPostgresql, PasswordsInAnAddressAreRefusedAndNeverPrinted) {
  for (const char* address :
       {"postgresql://me:hidden@h/db", "postgresql://me:hid/den@h/db", "postgres://:hidden@h/db",
        "postgresql://h/db?password=hidden", "postgresql://h/db?p%61ssword=hidden",
        "postgresql://h/db?sslpassword=hidden"}) {
    const std::string error = error_of([&] { open_query(address, "SELECT 1", {}, true); });
    EXPECT_THAT(error, AllOf(HasSubstr("put it into ~/.pgpass or $PGPASSWORD"),
                             Not(HasSubstr("hid")), Not(HasSubstr("den@"))))
        << address;
  }
  EXPECT_THAT(
      error_of([] { open_query("postgresql://h/db?no=hidden", "SELECT 1", {}, true); }),
      AllOf(HasSubstr("postgresql://h/db: cannot be understood"), Not(HasSubstr("hidden"))));
  EXPECT_THAT(error_of([] { open_query("postgresql://127.0.0.1:1/db", "SELECT 1", {}, true); }),
              AllOf(HasSubstr("postgresql://127.0.0.1:1/db: connection to server"),
                    HasSubstr("Connection refused"), Not(HasSubstr("\n"))));
}

TEST(DataSourcesSql, OrderIsFoundAtTheTop) {
  EXPECT_TRUE(has_order_by("SELECT * FROM t ORDER BY a"));
  EXPECT_TRUE(has_order_by("select * from t order /* so */ by\n1 limit 3;"));
  EXPECT_FALSE(has_order_by("SELECT * FROM t"));
  EXPECT_FALSE(has_order_by("SELECT row_number() OVER (ORDER BY a) FROM t"));
  EXPECT_FALSE(has_order_by("SELECT * FROM (SELECT * FROM t ORDER BY a) s"));
  EXPECT_FALSE(has_order_by("SELECT 'x'' ORDER BY a' FROM t -- ORDER BY a"));
  EXPECT_FALSE(has_order_by("SELECT \"ORDER BY\", $q$ ORDER BY a $q$, E'\\' ORDER BY a' FROM t"));
  EXPECT_FALSE(has_order_by("SELECT border, by FROM t /* ORDER /* x */ BY a */"));
  EXPECT_EQ(first_word("  -- x\n SELECT 1"), "select");
  EXPECT_EQ(first_word("(SELECT 1)"), "(");
  EXPECT_EQ(first_word("; x"), "");
}

TEST(DataSourcesAddress, Kinds) {
  const auto kind_of = [](const char* path) {
    const SourceKind* kind = source_of(path);
    return kind ? kind->name : "";
  };
  EXPECT_EQ(kind_of("-"), "standard_input");
  EXPECT_EQ(kind_of("HTTPS://x/y"), "http");
  EXPECT_EQ(kind_of("s3://b/k"), "s3");
  EXPECT_EQ(kind_of("sqlite:x.db"), "sqlite");
  EXPECT_EQ(kind_of("postgres://h/d"), "postgresql");
  for (const char* path : {"", "x.csv", "./-", "http.csv", "https:/x", "folder/s3://b/k"})
    EXPECT_EQ(kind_of(path), "") << path;
  const WebAddress address =
      parse_web_address("https://h:8080/a/%2e%2e?q=1#sha256=" + std::string(64, 'A'));
  EXPECT_EQ(address.url, "https://h:8080/a/%2e%2e?q=1");
  EXPECT_EQ(address.shown, "https://h:8080/a/%2e%2e");
  EXPECT_EQ(address.file_name, "2e_2e");
  EXPECT_EQ(address.sha256, std::string(64, 'a'));
  EXPECT_EQ(parse_web_address("http://h").file_name, "data");
  EXPECT_EQ(parse_web_address("http://h/.entry.json").file_name, "entry.json");
  EXPECT_EQ(parse_web_address("http://h/" + std::string(300, 'x') + ".csv").file_name.size(), 100u);
  for (const char* bad : {"http://", "http://:80/", "http:///x", "http://h/a b", "http://h/#x",
                          "http://h/\n", "http://h/#sha256=12"}) {
    EXPECT_NE(error_of([&] { parse_web_address(bad); }), "no error") << bad;
  }
  EXPECT_EQ(named_file("https://h/x.csv.gz?a=b.npy#sha256=00"), "https://h/x.csv.gz");
}

TEST(DataSourcesJob, WrongSourcesAreFoundInTheJob) {
  const auto error_in = [](const std::string& train, const std::string& more = "") {
    return error_of(
        [&] { parse_job("data: {train: " + train + ", target: y" + more + "}", "j.yaml"); });
  };
  EXPECT_EQ(error_in("{file: 'sqlite:x.db', query: SELECT 1}"), "no error");
  EXPECT_EQ(error_in("'sqlite:x.db'"), "no error");  // its tables are listed when it is opened
  EXPECT_EQ(error_in("'https://h/x.csv?a=b'"), "no error");
  EXPECT_EQ(error_in("'-'"), "no error");
  EXPECT_EQ(error_in("{file: x.csv, query: SELECT 1}"),
            "j.yaml:1: data.train.query: is for databases alone; write file: "
            "postgresql://HOST/DATABASE or sqlite:FILE.db");
  EXPECT_THAT(error_in("x.csv", ", test: {query: SELECT 1}"), HasSubstr("data.test.query: is for"));
  EXPECT_THAT(error_in("{features: 'sqlite:x.db', labels: y.npy}"),
              HasSubstr("data.train.features: a database has features and target together"));
  EXPECT_THAT(error_in("'https://me:hidden@h/x.csv'"),
              AllOf(HasSubstr("j.yaml:1: data.train.file: https://h/x.csv: the address has a user"),
                    Not(HasSubstr("hidden"))));
  EXPECT_THAT(error_in("'postgresql://me:hidden@h/d'"),
              AllOf(HasSubstr("~/.pgpass"), Not(HasSubstr("hidden"))));
  EXPECT_THAT(error_in("'-'", ", test: '-'"), HasSubstr("is named more than once"));
  const auto without_target = [](const std::string& file) {
    return error_of([&] { parse_job("data: {train: '" + file + "'}", "j.yaml"); });
  };
  for (const char* file : {"sqlite:x.db", "https://h/x.csv.gz?a=b", "s3://b/x.tsv"})
    EXPECT_THAT(without_target(file), HasSubstr("data.target: is missing")) << file;
}

/// The standard input is this text meanwhile.
class InputOf {
 public:
  InputOf(const test::Directory& directory, const std::string& text) : saved_(::dup(STDIN_FILENO)) {
    const int file = ::open(directory.write("input", text).c_str(), O_RDONLY);
    ::dup2(file, STDIN_FILENO);
    ::close(file);
  }
  ~InputOf() {
    ::dup2(saved_, STDIN_FILENO);
    ::close(saved_);
  }

 private:
  int saved_;
};

TEST(DataSourcesInput, IsReadOnceWhateverItsFormat) {
  const test::Directory directory;
  std::string csv = "a,y\n";
  std::string json;
  for (int i = 0; i < 20; ++i) {
    csv += fmt::format("{},{}\n", i, i % 2 ? "no" : "yes");
    json += fmt::format("{{\"a\": {}, \"y\": \"{}\"}}\n", i, i % 2 ? "no" : "yes");
  }
  DataOptions data;
  data.target = {"y"};
  data.train.file = "-";
  const auto load = [&](Peers* peers = nullptr) {
    return load_splits({data, {}, 1, directory.path()}, peers);
  };
  Splits first;
  {
    const InputOf input(directory, csv);
    first = load();
    EXPECT_THAT(error_of([&] { load(); }), HasSubstr("standard input:1: is empty"));
  }
  {
    const InputOf input(directory, json);
    EXPECT_EQ(load().fingerprint, first.fingerprint);
  }
  {
    const InputOf input(directory, csv);
    EXPECT_EQ(load_for_prediction(data, {.file = "-"}, first.fitted, directory.path())->size(), 20);
  }
  {
    const InputOf input(directory, csv);
    DataOptions file;
    file.target = {"y"};
    const auto record = inspect_file("-", file, 1);
    EXPECT_EQ(record["name"], "standard input");
    EXPECT_EQ(record["files"][0]["samples"], 20);
  }
  {
    const InputOf input(directory, csv + "1,2,3\n");
    EXPECT_EQ(error_of([&] { load(); }), "standard input:22: 3 fields where 2 are expected");
    data.test.file = "-";
    EXPECT_NE(error_of([&] { load(); }), "no error");
  }
  data.test.file = "";
  test::run_workers(2, [&](Peers& peers) {
    EXPECT_THAT(error_of([&] { load(&peers); }), HasSubstr("can be read by one process only"));
  });
}

}  // namespace data_sources_query_test
}  // namespace convoy
