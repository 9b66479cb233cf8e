// Data from databases, the standard input and the web, as a user trains on it.
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <pwd.h>
#include <sqlite3.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <sstream>
#include <stdexcept>

#include "comm/rendezvous/socket.hpp"
#include "core/temporary_folder.hpp"
#include "paths.hpp"
#include "system/fixtures.hpp"
#include "system/process.hpp"

namespace convoy::testing {
namespace sources_test {

namespace fs = std::filesystem;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

long lines_of(const std::string& text) {
  return std::count(text.begin(), text.end(), '\n');
}

/// The folder of PostgreSQL's programs; empty where it is not installed.
fs::path postgres_programs() {
  std::error_code none;
  for (const auto& entry : fs::directory_iterator("/usr/lib/postgresql", none)) {
    if (fs::exists(entry.path() / "bin/initdb")) return entry.path() / "bin";
  }
  return {};
}

/// A server of the test's own, with passwords. It does not run as root.
class PostgresServer {
 public:
  explicit PostgresServer(const fs::path& programs) : programs_(programs) {
    if (::geteuid() == 0) {
      const passwd* user = ::getpwnam("postgres");
      if (user == nullptr) throw std::runtime_error("there is no user postgres");
      if (::chown(folder_.path().c_str(), user->pw_uid, user->pw_gid) != 0)
        throw std::runtime_error("cannot give the folder away");
      prefix_ = {"runuser", "-u", "postgres", "--"};
    }
    port_ = rendezvous::port_of(rendezvous::listen_at("127.0.0.1", 0));
    const std::string password = (folder_.path() / "password").string();
    run_as_user({"bash", "-c", "echo " + std::string(secret) + " > " + password});
    run_as_user({(programs_ / "initdb").string(), "-D", data(), "-A", "scram-sha-256", "-U",
                 "tester", "--pwfile=" + password, "-E", "UTF8", "--no-sync"});
    run_as_user({(programs_ / "pg_ctl").string(), "-D", data(), "-w", "-l",
                 (folder_.path() / "log").string(), "-o",
                 fmt::format("-p {} -k {} -c listen_addresses=127.0.0.1 -c fsync=off", port_,
                             folder_.path().string()),
                 "start"});
  }
  ~PostgresServer() {
    try {
      run_as_user({(programs_ / "pg_ctl").string(), "-D", data(), "-m", "immediate", "stop"});
    } catch (const std::exception& error) {
      ADD_FAILURE() << error.what();
    }
  }

  static constexpr const char* secret = "hidden-word";
  std::string url() const {
    return fmt::format("postgresql://tester@127.0.0.1:{}/postgres", port_);
  }

  /// Runs commands of psql in `directory`.
  void execute(std::vector<std::string> commands, const fs::path& directory) const {
    std::vector<std::string> words{(programs_ / "psql").string(), url(), "-q", "-v",
                                   "ON_ERROR_STOP=1"};
    for (std::string& command : commands) {
      words.push_back("-c");
      words.push_back(std::move(command));
    }
    const Outcome outcome =
        Process::of(words, directory, "psql", {std::string("PGPASSWORD=") + secret}).wait();
    ASSERT_EQ(outcome.status, 0) << outcome.err;
  }

 private:
  std::string data() const { return (folder_.path() / "data").string(); }
  void run_as_user(std::vector<std::string> words) const {
    words.insert(words.begin(), prefix_.begin(), prefix_.end());
    const Outcome outcome = Process::of(words, folder_.path(), "postgres", {"LC_ALL=C"}).wait();
    if (outcome.status != 0)
      throw std::runtime_error(words.back() + ": " + outcome.err + outcome.out);
  }

  fs::path programs_;
  TemporaryFolder folder_;
  std::vector<std::string> prefix_;
  int port_ = 0;
};

/// convoy with these arguments and, in the environment, these variables.
Outcome run_with(const std::vector<std::string>& environment, std::vector<std::string> arguments,
                 const fs::path& directory) {
  arguments.insert(arguments.begin(), convoy::testing::program_path());
  return Process::of(std::move(arguments), directory, "convoy", environment).wait();
}

/// convoy, whose standard input is `file`.
Outcome run_on_input(const std::string& file, const std::string& arguments,
                     const fs::path& directory) {
  return Process::of({"bash", "-c",
                      fmt::format("{} {} < {}", convoy::testing::program_path(), arguments, file)},
                     directory, "convoy")
      .wait();
}

std::string weights_of(const Workplace& place, const std::string& run) {
  return place.summary(run)["weights_sha256"];
}

/// What `convoy train table.yaml` ends with: the same rows as CSV.
std::string weights_of_csv(const Workplace& place) {
  const Outcome outcome = run({"train", "table.yaml", "--out", "runs/csv"}, place.path());
  EXPECT_EQ(outcome.status, 0) << outcome.err;
  return weights_of(place, "runs/csv");
}

TEST(Sources, ADatabaseOfPostgresGivesTheWeightsOfTheSameRowsAsCsv) {
  const fs::path programs = postgres_programs();
  if (programs.empty()) GTEST_SKIP() << "PostgreSQL's server is not installed";
  const Workplace place;
  const PostgresServer server(programs);
  server.execute(
      {"CREATE TABLE parts (n serial, width float8, colour text, weight numeric, kind text,"
       " flag bool, raw bytea)",
       "\\copy parts (width, colour, weight, kind) FROM 'table.csv' CSV HEADER"},
      place.path());
  const std::string query = "SELECT width, colour, weight, kind FROM parts ORDER BY n";
  const auto set = [&](const std::string& sql) {
    return "data.train={file: '" + server.url() + "', query: \"" + sql + "\"}";
  };
  const std::string password = std::string("PGPASSWORD=") + PostgresServer::secret;
  const auto train = [&](const std::string& sql, const std::vector<std::string>& environment,
                         const std::string& out) {
    return run_with(environment, {"train", "table.yaml", "--set", set(sql), "--out", out},
                    place.path());
  };
  const auto error_of_query = [&](const std::string& sql) {
    const Outcome outcome = train(sql, {password}, "runs/error");
    EXPECT_EQ(outcome.status, 2);
    return outcome.err;
  };

  const Outcome trained = train(query, {password}, "runs/database");
  ASSERT_EQ(trained.status, 0) << trained.err;
  EXPECT_THAT(trained.err, Not(HasSubstr("ORDER BY")));
  EXPECT_EQ(weights_of(place, "runs/database"), weights_of_csv(place));
  place.write("pass", fmt::format("127.0.0.1:*:*:tester:{}\n", PostgresServer::secret));
  fs::permissions(place.path() / "pass", fs::perms::owner_read);
  const Outcome two = run_with({"PGPASSFILE=" + (place.path() / "pass").string()},
                               {"launch", "--workers", "2", "--", "train", "table.yaml", "--set",
                                set(query), "--out", "runs/two"},
                               place.path());
  ASSERT_EQ(two.status, 0) << two.err;
  EXPECT_EQ(weights_of(place, "runs/two"), weights_of(place, "runs/csv"));

  EXPECT_THAT(train(query, {}, "runs/x").err,
              AllOf(HasSubstr("put the password into ~/.pgpass or $PGPASSWORD")));
  const Outcome wrong = train(query, {"PGPASSWORD=guess"}, "runs/x");
  EXPECT_EQ(wrong.status, 2);
  EXPECT_THAT(wrong.err,
              AllOf(HasSubstr("password authentication failed"), Not(HasSubstr("guess"))));
  EXPECT_EQ(lines_of(wrong.err), 1);

  const Outcome unordered =
      train("SELECT width, colour, weight, kind FROM parts", {password}, "runs/unordered");
  EXPECT_EQ(unordered.status, 0) << unordered.err;
  EXPECT_THAT(unordered.err, HasSubstr("the query has no ORDER BY"));
  EXPECT_THAT(error_of_query(""), HasSubstr("the database has the table parts: write for example "
                                            "SELECT * FROM parts"));
  EXPECT_THAT(error_of_query("DELETE FROM parts RETURNING kind"),
              HasSubstr("only queries that read"));
  EXPECT_THAT(error_of_query("SELECT nextval('parts_n_seq') AS kind ORDER BY 1"),
              HasSubstr("in a read-only transaction"));
  EXPECT_THAT(
      error_of_query("WITH d AS (DELETE FROM parts RETURNING *) SELECT * FROM d ORDER BY n"),
      Not(HasSubstr("no error")));
  EXPECT_THAT(error_of_query("SELECT 1 AS kind ORDER BY 1; COMMIT; DROP TABLE parts"),
              HasSubstr("multiple commands"));
  EXPECT_THAT(error_of_query("SELECT raw, kind FROM parts ORDER BY n"), HasSubstr("bytea"));
  EXPECT_THAT(error_of_query("SELECT nothing FROM parts ORDER BY n"),
              HasSubstr("column \"nothing\" does not exist"));

  const Outcome types = run_with(
      {password},
      {"data", "inspect", server.url(), "--json", "--query",
       "SELECT 1::int2 AS a, 2.5::numeric AS b, true AS c, NULL::float8 AS d, 'x'::text AS e, "
       "0.1::float4 AS f, i AS g FROM generate_series(1, 2500) i ORDER BY i"},
      place.path());
  ASSERT_EQ(types.status, 0) << types.err;
  const auto columns = nlohmann::json::parse(types.out)[0]["files"][0]["columns"];
  std::string kinds;
  for (const auto& column : columns) kinds += column["kind"].get<std::string>() + " ";
  EXPECT_EQ(kinds, "number number text number text number number ");
  EXPECT_EQ(columns[5]["max"], 0.1);
  EXPECT_EQ(columns[6]["max"], 2500);
  EXPECT_THAT(columns[2].dump(), HasSubstr("true"));
}

TEST(Sources, ASqliteFileGivesTheWeightsOfTheSameRowsAsCsv) {
  const Workplace place;
  sqlite3* database = nullptr;
  ASSERT_EQ(sqlite3_open((place.path() / "parts.db").c_str(), &database), SQLITE_OK);
  std::string sql = "CREATE TABLE parts (width REAL, colour TEXT, weight INTEGER, kind TEXT);";
  std::istringstream csv(place.read("table.csv"));
  std::string line;
  std::getline(csv, line);
  while (std::getline(csv, line)) {
    std::istringstream fields(line);
    std::string width, colour, weight, kind;
    std::getline(fields, width, ',');
    std::getline(fields, colour, ',');
    std::getline(fields, weight, ',');
    std::getline(fields, kind, ',');
    sql += fmt::format("INSERT INTO parts VALUES ({}, '{}', {}, '{}');", width, colour,
                       weight.empty() ? "NULL" : weight, kind);
  }
  ASSERT_EQ(sqlite3_exec(database, sql.c_str(), nullptr, nullptr, nullptr), SQLITE_OK);
  sqlite3_close(database);
  const Outcome trained = run({"train", "table.yaml", "--out", "runs/db", "--set",
                               "data.train={file: 'sqlite:parts.db', query: SELECT * FROM parts}"},
                              place.path());
  ASSERT_EQ(trained.status, 0) << trained.err;
  EXPECT_EQ(weights_of(place, "runs/db"), weights_of_csv(place));
  const Outcome predicted =
      run({"predict", "runs/db", "--input", "sqlite:parts.db", "--query",
           "SELECT width, weight, colour FROM parts LIMIT 7", "--output", "p.csv"},
          place.path());
  EXPECT_EQ(predicted.status, 0) << predicted.err;
  EXPECT_EQ(lines_of(place.read("p.csv")), 8);
  const Outcome listed = run({"data", "inspect", "sqlite:parts.db"}, place.path());
  EXPECT_EQ(listed.status, 2);
  EXPECT_THAT(listed.err, HasSubstr("the database has the table parts"));
  EXPECT_EQ(lines_of(listed.err), 1);
}

TEST(Sources, TheStandardInputGivesTheWeightsOfTheSameFile) {
  const Workplace place;
  const Outcome trained =
      run_on_input("table.csv", "train table.yaml --set data.train=- --out runs/in", place.path());
  ASSERT_EQ(trained.status, 0) << trained.err;
  EXPECT_EQ(weights_of(place, "runs/in"), weights_of_csv(place));
  EXPECT_EQ(
      run_on_input("table.csv", "predict runs/in --input - --output p.csv", place.path()).status,
      0);
  EXPECT_EQ(lines_of(place.read("p.csv")), 61);
  EXPECT_THAT(run_on_input("table.csv", "data inspect -", place.path()).out,
              HasSubstr("60 samples"));
  const Outcome two = run_on_input(
      "table.csv", "launch --workers 2 -- train table.yaml --set data.train=- --out runs/two",
      place.path());
  EXPECT_EQ(two.status, 2);
  EXPECT_THAT(two.err, HasSubstr("write the data into a file that all of them see"));
}

TEST(Sources, AnAddressWithoutAServerIsOneLine) {
  const Workplace place;
  const std::string cache = "CONVOY_CACHE=" + (place.path() / "cache").string();
  const Outcome outcome =
      run_with({cache, "no_proxy=127.0.0.1"},
               {"train", "table.yaml", "--set", "data.train=http://127.0.0.1:9/t.csv?key=hidden"},
               place.path());
  EXPECT_EQ(outcome.status, 2);
  EXPECT_THAT(outcome.err, AllOf(HasSubstr("http://127.0.0.1:9/t.csv: cannot fetch: "),
                                 Not(HasSubstr("hidden"))));
  EXPECT_EQ(lines_of(outcome.err), 1);
}

}  // namespace sources_test
}  // namespace convoy::testing
