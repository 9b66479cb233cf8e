#include "data/splits/table_file.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <unordered_set>

#include "convoy/core/error.hpp"
#include "data/formats/csv_lexer.hpp"
#include "data/formats/csv_rows.hpp"
#include "data/splits/fingerprint.hpp"

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

void add_names(std::vector<std::string>& names, const std::vector<std::string>& more) {
  std::unordered_set<std::string> known(names.begin(), names.end());
  for (const std::string& name : more) {
    if (known.insert(name).second) names.push_back(name);
  }
}

}  // namespace

TableFile::TableFile(const Input& input, bool tolerant, const std::vector<Column>& expected)
    : input_(&input), tolerant_(tolerant) {
  if (is_columnar(input_->format)) {
    columnar_.emplace(input_->files);
    keys_.names = columnar_->names();
  }
  if (input_->format != Format::jsonl) return;
  for (const Content& file : input_->files) {
    const JsonKeys keys = find_json_keys(file.text(), file.name, tolerant_);
    keys_.rows += keys.rows;
    add_names(keys_.names, keys.names);
  }
  add_expected(keys_.names, expected);
  require_memory(keys_, input_->name);
}

TableFile::TableFile(QueryRows& rows) : rows_(&rows) {
  keys_.names = rows.columns();
}

CsvOptions TableFile::options(CsvOptions options) const {
  if (input_ != nullptr && input_->format == Format::tsv &&
      options.delimiter == CsvOptions().delimiter)
    options.delimiter = "tab";
  if (has_names()) {
    options.header = "true";
    options.columns.clear();
  }
  if (columnar_) {
    columnar_->name_elements(options.ignore);
    columnar_->name_elements(options.categorical);
  }
  return options;
}

std::vector<std::string> TableFile::names(const CsvOptions& options) const {
  if (has_names()) return keys_.names;
  std::vector<std::string> names;
  for (const Content& file : input_->files) {
    std::vector<std::string> own = csv_column_names(file.text(), file.name, options, tolerant_);
    if (names.empty())
      names = std::move(own);
    else if (own != names)
      throw DataError(file.name, fmt::format("has the columns {} where {} has {}", name_list(own),
                                             input_->files[0].name, name_list(names)));
  }
  return names;
}

std::size_t TableFile::width(const CsvOptions& options) const {
  if (has_names()) return keys_.names.size();
  const Content& first = input_->files[0];
  return csv_width(first.text(), first.name, options, tolerant_);
}

std::string TableFile::checksum() const {
  return rows_ != nullptr ? "" : text_checksum(input_->files);
}

void TableFile::with_passes(const CsvOptions& options, bool tolerant, Origin& origin,
                            const std::function<void(const std::vector<std::string>& names,
                                                     const RowPasses& passes)>& use) const {
  origin = Origin(name());
  if (rows_ != nullptr) return use(rows_->columns(), query_passes(*rows_));
  const std::vector<std::string> columns = names(options);
  std::vector<RowPasses> parts;
  for (const Content& file : input_->files) {
    parts.push_back(input_->format == Format::jsonl
                        ? json_rows(file.text(), file.name, columns)
                        : csv_rows(file.text(), file.name, options, tolerant).passes);
  }
  use(columns, join_rows(parts, input_->files, origin));
}

ColumnarTable::FileDone TableFile::add_to(Origin& origin) const {
  origin = Origin(name());
  return [&origin, this](std::size_t file, std::int64_t rows) {
    if (file == 0) origin = Origin(name());
    if (input_->files.size() > 1) origin.add(input_->files[file].name, rows);
  };
}

Table TableFile::read(const CsvOptions& options, const CsvTolerance* tolerance,
                      Origin& origin) const {
  if (columnar_) return columnar_->read(name(), options, tolerance, add_to(origin));
  Table table;
  with_passes(options, tolerance != nullptr, origin,
              [&](const std::vector<std::string>& columns, const RowPasses& passes) {
                table = build_table(columns, name(), options, tolerance, passes);
              });
  return table;
}

void TableFile::stream(const CsvOptions& options, const CsvTolerance* tolerance, Origin& origin,
                       const std::function<void(const TableStream&)>& use) const {
  if (columnar_) {
    const ColumnarTable::FileDone done = add_to(origin);
    return use(*columnar_->stream(name(), options, tolerance, done));
  }
  with_passes(options, tolerance != nullptr, origin,
              [&](const std::vector<std::string>& columns, const RowPasses& passes) {
                use(RowStream(columns, name(), options, tolerance, passes));
              });
}

}  // namespace convoy
