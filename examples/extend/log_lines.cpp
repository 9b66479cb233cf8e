// A source: the lines of a log as rows, by a pattern. In a job:
//
//   train:
//     file: log:access.log
//     query: '{host} - - [{}] "{method} {path} {}" {status} {bytes}'
//
// A name in braces is a column, {} is left out, what stands between is as in the line. Lines that
// do not fit the pattern are none of the rows; '-' for a value means that it is missing.
#include <algorithm>
#include <convoy/core/error.hpp>
#include <convoy/data/sources/source.hpp>
#include <convoy/plugin.hpp>
#include <fstream>
#include <utility>

CONVOY_PLUGIN("log_lines", "1.0")

namespace {

using convoy::DataError;
using convoy::InputError;
using convoy::QueryValue;

constexpr std::string_view log_scheme = "log:";

/// `before`, then a field; its text ends where the next part's `before` begins.
struct LogPart {
  std::string before;
  bool field = false;  ///< the last part may have none
  bool wanted = false;
};

struct LogPattern {
  std::vector<LogPart> parts;
  std::vector<std::string> columns;
};

/// `address`: for messages. Throws DataError.
LogPattern parse_pattern(const std::string& address, const std::string& text) {
  LogPattern pattern;
  std::size_t at = 0;
  while (at < text.size()) {
    const std::size_t open = std::min(text.find('{', at), text.size());
    LogPart part{text.substr(at, open - at)};
    if (part.before.empty() && !pattern.parts.empty())
      throw DataError(address, "query: there is nothing between two fields to tell them apart");
    at = open;
    if (open < text.size()) {
      const std::size_t close = text.find('}', open);
      if (close == text.npos) throw DataError(address, "query: a { without a }");
      const std::string name = text.substr(open + 1, close - open - 1);
      part.field = true;
      part.wanted = !name.empty();
      if (std::find(pattern.columns.begin(), pattern.columns.end(), name) != pattern.columns.end())
        throw DataError(address, "query: there are two fields {" + name + "}");
      if (part.wanted) pattern.columns.push_back(name);
      at = close + 1;
    }
    pattern.parts.push_back(std::move(part));
  }
  if (pattern.columns.empty())
    throw DataError(address, "query: has no {NAME}, so there are no columns");
  return pattern;
}

/// Whether the line fits; `row`: what it has for the columns.
bool match(const LogPattern& pattern, std::string_view line, std::vector<QueryValue>& row) {
  row.clear();
  if (!line.starts_with(pattern.parts[0].before)) return false;
  line.remove_prefix(pattern.parts[0].before.size());
  for (std::size_t i = 0; i < pattern.parts.size() && pattern.parts[i].field; ++i) {
    const bool last = i + 1 == pattern.parts.size();
    const std::size_t end = last ? line.size() : line.find(pattern.parts[i + 1].before);
    if (end == line.npos) return false;
    const std::string_view text = line.substr(0, end);
    if (pattern.parts[i].wanted) row.push_back({.text = text, .missing = text == "-"});
    line.remove_prefix(end + (last ? 0 : pattern.parts[i + 1].before.size()));
  }
  return line.empty();
}

class LogRows final : public convoy::QueryRows {
 public:
  LogRows(std::string name, std::filesystem::path file, LogPattern pattern)
      : name_(std::move(name)), file_(std::move(file)), pattern_(std::move(pattern)) {}

  const std::string& name() const override { return name_; }
  const std::vector<std::string>& columns() const override { return pattern_.columns; }

  void read(const std::function<void(std::span<const QueryValue>)>& take) override {
    std::ifstream in(file_);
    if (!in) throw DataError(name_, "cannot be opened");
    std::vector<QueryValue> row;
    bool any = false;
    for (std::string line; std::getline(in, line);) {
      if (line.ends_with('\r')) line.pop_back();
      if (!match(pattern_, line, row)) continue;
      any = true;
      take(row);
    }
    if (in.bad()) throw DataError(name_, "cannot be read");
    if (!any) throw DataError(name_, "no line fits the query");
  }

 private:
  std::string name_;
  std::filesystem::path file_;
  LogPattern pattern_;
};

std::unique_ptr<convoy::QueryRows> open_log(const convoy::QueryRequest& request) {
  if (request.query.empty())
    throw DataError(request.address, "`query` is missing, such as '{when} {level}: {text}'");
  return std::make_unique<LogRows>(request.address,
                                   request.file(request.address.substr(log_scheme.size())),
                                   parse_pattern(request.address, request.query));
}

convoy::SourceKind log_kind() {
  convoy::SourceKind kind;
  kind.name = "log";
  kind.doc = "the lines of a log; `query` is a pattern with {NAME} for each column";
  kind.schemes = {std::string(log_scheme)};
  kind.address = "log:FILE";
  kind.gives = convoy::Gives::rows;
  kind.check = [](const std::string& address) {
    if (address.size() == log_scheme.size()) throw InputError("log: names no file");
  };
  kind.rows = open_log;
  return kind;
}

const convoy::schema::Registered log_lines(convoy::sources(), log_kind());

}  // namespace
