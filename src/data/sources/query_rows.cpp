#include "data/sources/query_rows.hpp"

#include <fmt/format.h>

#include <optional>
#include <unordered_set>

#include "convoy/core/error.hpp"
#include "data/formats/column_builder.hpp"
#include "data/formats/csv_lexer.hpp"
#include "data/sources/address.hpp"

namespace convoy {
namespace {

constexpr std::int64_t most_query_values = std::int64_t{2} << 30;  // 16 GiB of numbers

/// One reading of all rows.
class QueryPass {
 public:
  QueryPass(const std::string& name, const MissingSpellings& missing,
            std::vector<ColumnBuilder>& columns, std::vector<BadRow>* bad, const RowDone& done)
      : name_(name), missing_(missing), columns_(columns), bad_(bad), done_(done) {}

  void add(std::span<const QueryValue> row) {
    const std::string problem = bad_ ? problem_of(row) : "";
    if (!problem.empty()) note_bad_row(*bad_, rows_, problem);
    ++rows_;
    if (rows_ > most_query_values / static_cast<std::int64_t>(columns_.size())) {
      throw DataError(name_, fmt::format("the query gives more than {} values; add a LIMIT",
                                         most_query_values));
    }
    for (std::size_t i = 0; i < row.size(); ++i) {
      if (row[i].missing || !problem.empty())
        columns_[i].add_missing();
      else
        add_value(columns_[i], row[i]);
    }
    if (done_) done_();
  }

  std::int64_t rows() const { return rows_; }

 private:
  void add_value(ColumnBuilder& column, const QueryValue& value) {
    if (!bad_ && column.mode() != ColumnBuilder::Mode::skip &&
        value.text.find('\0') != value.text.npos) {
      throw DataError(fmt::format("{}:{}", name_, rows_), "text holds a NUL byte");
    }
    column.add({value.text, value.is_text}, missing_, name_, rows_);
  }

  std::string problem_of(std::span<const QueryValue> row) const {
    for (std::size_t i = 0; i < row.size(); ++i) {
      if (row[i].missing) continue;
      const std::string problem = columns_[i].problem_of({row[i].text, row[i].is_text}, missing_);
      if (!problem.empty())
        return DataError(fmt::format("{}:{}", name_, rows_ + 1), problem).what();
    }
    return "";
  }

  const std::string& name_;
  const MissingSpellings& missing_;
  std::vector<ColumnBuilder>& columns_;
  std::vector<BadRow>* bad_;
  const RowDone& done_;
  std::int64_t rows_ = 0;
};

class QueryTable final : public RowFiles {
 public:
  explicit QueryTable(QueryRows& rows) : RowFiles(rows.name()), rows_(rows) {}
  std::vector<std::string> names(const CsvOptions&) const override { return rows_.columns(); }

 protected:
  std::vector<RowPasses> passes(const CsvOptions&, bool,
                                const std::vector<std::string>&) const override {
    return {query_passes(rows_)};
  }

 private:
  QueryRows& rows_;
};

}  // namespace

std::unique_ptr<QueryRows> open_query(const std::string& address, const std::string& query,
                                      const Resolve& resolve, bool quiet) {
  check_address(address);
  const SourceKind* kind = source_of(address);
  if (!kind || !kind->rows) {
    throw InputError(fmt::format("{} is no database; `query` is for {}", shown_address(address),
                                 alternatives(source_addresses(Gives::rows))));
  }
  return kind->rows({address, query,
                     [&](const std::string& path) { return resolve(path).files.at(0).file; },
                     quiet});
}

void check_query_columns(const std::vector<std::string>& names, const std::string& address) {
  if (names.empty()) throw DataError(address, "the query gives no columns");
  std::unordered_set<std::string> seen;
  for (const std::string& name : names) {
    if (name.empty() || !is_utf8(name))
      throw DataError(address, "the query has a column without a name; name it with AS");
    if (!seen.insert(name).second) {
      throw DataError(address, fmt::format("the query gives two columns {}; name one of them "
                                           "otherwise with AS",
                                           in_quotes(name)));
    }
  }
}

std::string table_hint(const std::vector<std::string>& tables) {
  if (tables.empty()) return "; the database has no tables that you may read";
  return fmt::format("; the database has the table{} {}: write for example SELECT * FROM {}",
                     tables.size() == 1 ? "" : "s", name_list(tables), tables[0]);
}

RowPasses query_passes(QueryRows& rows) {
  const auto known = std::make_shared<std::optional<std::int64_t>>();
  const auto require_same = [&rows, known](std::int64_t count) {
    if (*known && **known != count) {
      throw DataError(rows.name(), fmt::format("the query gives {} rows, and {} when it is asked "
                                               "again; it must give the same ones each time",
                                               **known, count));
    }
    *known = count;
  };
  const auto count = [&rows, require_same](const MissingSpellings& missing,
                                           std::vector<KindCounts>& counts) {
    std::int64_t number = 0;
    rows.read([&](std::span<const QueryValue> row) {
      ++number;
      for (std::size_t i = 0; i < row.size(); ++i) {
        if (!row[i].missing) counts[i].add({row[i].text, row[i].is_text}, missing);
      }
    });
    require_same(number);
  };
  const auto read = [&rows, require_same](const MissingSpellings& missing,
                                          std::vector<ColumnBuilder>& columns,
                                          std::vector<BadRow>* bad, const RowDone& done) {
    QueryPass pass(rows.name(), missing, columns, bad, done);
    rows.read([&](std::span<const QueryValue> row) { pass.add(row); });
    require_same(pass.rows());
    return pass.rows();
  };
  return {count, read};
}

std::unique_ptr<TableFiles> query_table(QueryRows& rows) {
  return std::make_unique<QueryTable>(rows);
}

Table read_query(QueryRows& rows, const CsvOptions& options, const CsvTolerance* tolerance) {
  return build_table(rows.columns(), rows.name(), options, tolerance, query_passes(rows));
}

}  // namespace convoy
