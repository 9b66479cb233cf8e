// JSON Lines and lists of JSON objects as formats.
#include <algorithm>
#include <unordered_set>

#include "convoy/data/formats/format.hpp"
#include "data/formats/file_names.hpp"
#include "data/formats/json_array.hpp"
#include "data/formats/json_lines.hpp"
#include "data/formats/table_files.hpp"

namespace convoy {
namespace {

/// A key that no line of a small file has is a missing value in all of them; unless the file has
/// none of the keys that are expected.
void add_expected(std::vector<std::string>& names, const std::vector<Column>& expected) {
  const std::unordered_set<std::string> known(names.begin(), names.end());
  const auto is_there = [&](const Column& column) { return known.contains(column.name); };
  if (std::none_of(expected.begin(), expected.end(), is_there)) return;
  for (const Column& column : expected) {
    if (!is_there(column)) names.push_back(column.name);
  }
}

void add_names(std::vector<std::string>& names, const std::vector<std::string>& more) {
  std::unordered_set<std::string> known(names.begin(), names.end());
  for (const std::string& name : more) {
    if (known.insert(name).second) names.push_back(name);
  }
}

class JsonFiles final : public RowFiles {
 public:
  JsonFiles(const TableRequest& request, JsonLayout layout)
      : RowFiles(request.name), files_(request.files), layout_(layout) {
    for (const Content& file : files_) {
      const JsonKeys keys = find_json_keys(file.text(), file.name, request.tolerant, layout_);
      keys_.rows += keys.rows;
      add_names(keys_.names, keys.names);
    }
    add_expected(keys_.names, request.expected);
    require_memory(keys_, name_);
  }

  std::vector<std::string> names(const CsvOptions&) const override { return keys_.names; }

 protected:
  std::vector<RowPasses> passes(const CsvOptions&, bool,
                                const std::vector<std::string>& columns) const override {
    std::vector<RowPasses> parts;
    for (const Content& file : files_)
      parts.push_back(json_rows(file.text(), file.name, columns, layout_));
    return parts;
  }

 private:
  const std::vector<Content>& files_;
  const JsonLayout layout_;
  JsonKeys keys_;
};

FormatKind json_lines_kind() {
  FormatKind kind;
  kind.name = "jsonl";
  kind.doc =
      "JSON Lines: an object of numbers, text, true, false and null a line; its keys are the "
      "columns, true and false are text";
  kind.title = "JSON Lines";
  kind.endings = {".jsonl", ".ndjson"};
  kind.text_likeness = [](const Content& file) {
    return is_json_lines(file.text()) ? Likeness::text : Likeness::none;
  };
  kind.files = [](const TableRequest& request) {
    return std::make_unique<JsonFiles>(request, JsonLayout::lines);
  };
  return kind;
}

FormatKind json_kind() {
  FormatKind kind;
  kind.name = "json";
  kind.doc = "JSON: a list of objects as JSON Lines have them, `[{...}, {...}]`";
  kind.title = "JSON";
  kind.text_likeness = [](const Content& file) {
    // A file of JSON Lines, or an array of numbers, may be named so too.
    const char first = first_of_json(file.text());
    const bool named =
        unpacked_name(file.name).ends_with(".json") && first != '{' && !is_json_array(file.text());
    return named || is_json_list(file.text()) ? Likeness::text : Likeness::none;
  };
  kind.files = [](const TableRequest& request) {
    return std::make_unique<JsonFiles>(request, JsonLayout::list);
  };
  return kind;
}

FormatKind json_array_kind() {
  FormatKind kind;
  kind.name = "json_array";
  kind.doc = "JSON: a list of numbers, or of lists of them, `[[1, 2], [3, 4]]`";
  kind.title = "a JSON array";
  kind.holds = Holds::array;
  kind.text_likeness = [](const Content& file) {
    return is_json_array(file.text()) ? Likeness::text : Likeness::none;
  };
  kind.array = [](const Content& file) { return parse_json_array(file.text(), file.name); };
  return kind;
}

const schema::Registered json_lines_format(formats(), json_lines_kind());
const schema::Registered json_format(formats(), json_kind());
const schema::Registered json_array_format(formats(), json_array_kind());

}  // namespace
}  // namespace convoy
