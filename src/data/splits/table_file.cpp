#include "data/splits/table_file.hpp"

#include "data/splits/fingerprint.hpp"

namespace convoy {

TableFile::TableFile(const Input& input, bool tolerant, const std::vector<Column>& expected)
    : name_(input.name),
      files_(&input.files),
      table_(open_table(*input.format, {name_, input.files, tolerant, expected})) {}

TableFile::TableFile(QueryRows& rows) : name_(rows.name()), table_(query_table(rows)) {}

std::string TableFile::checksum() const {
  return files_ ? text_checksum(*files_) : "";
}

FileDone TableFile::add_to(Origin& origin) const {
  origin = Origin(name());
  return [&origin, this](std::size_t file, std::int64_t rows) {
    if (file == 0) origin = Origin(name());
    if (files_ && files_->size() > 1) origin.add((*files_)[file].name, rows);
  };
}

Table TableFile::read(const CsvOptions& options, const CsvTolerance* tolerance,
                      Origin& origin) const {
  return table_->read(options, tolerance, add_to(origin));
}

void TableFile::stream(const CsvOptions& options, const CsvTolerance* tolerance, Origin& origin,
                       const std::function<void(const TableStream&)>& use) const {
  const FileDone done = add_to(origin);
  table_->stream(options, tolerance, done, use);
}

}  // namespace convoy
