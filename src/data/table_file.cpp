#include "data/table_file.hpp"

#include <algorithm>
#include <unordered_set>

#include "data/csv_lexer.hpp"

namespace convoy {
namespace {

void add_expected(std::vector<std::string>& names, const std::vector<Column>& expected) {
  const std::unordered_set<std::string> known(names.begin(), names.end());
  const auto is_there = [&](const Column& column) { return known.contains(column.name); };
  if (std::none_of(expected.begin(), expected.end(), is_there)) return;
  for (const Column& column : expected) {
    if (!is_there(column)) names.push_back(column.name);
  }
}

}  // namespace

TableFile::TableFile(const Content& content, Format format, bool tolerant,
                     const std::vector<Column>& expected)
    : content_(&content), format_(format), tolerant_(tolerant) {
  if (format_ != Format::jsonl) return;
  keys_ = find_json_keys(content_->text(), content_->name, tolerant_);
  add_expected(keys_.names, expected);
}

TableFile::TableFile(QueryRows& rows) : rows_(&rows) {
  keys_.names = rows.columns();
}

CsvOptions TableFile::options(CsvOptions options) const {
  if (format_ == Format::tsv && options.delimiter == CsvOptions().delimiter)
    options.delimiter = "tab";
  if (has_names()) {
    options.header = "true";
    options.columns.clear();
  }
  return options;
}

std::vector<std::string> TableFile::names(const CsvOptions& options) const {
  return has_names() ? keys_.names
                     : csv_column_names(content_->text(), content_->name, options, tolerant_);
}

std::size_t TableFile::width(const CsvOptions& options) const {
  return has_names() ? keys_.names.size()
                     : csv_width(content_->text(), content_->name, options, tolerant_);
}

Table TableFile::read(const CsvOptions& options, const CsvTolerance* tolerance) const {
  if (rows_) return read_query(*rows_, options, tolerance);
  return format_ == Format::jsonl
             ? parse_json_lines(content_->text(), content_->name, options, tolerance, keys_)
             : parse_csv(content_->text(), content_->name, options, tolerance);
}

}  // namespace convoy
