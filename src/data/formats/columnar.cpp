#include "data/formats/columnar.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <new>
#include <unordered_map>
#include <unordered_set>
#include <utility>

#include "convoy/core/error.hpp"
#include "core/tasks.hpp"
#include "data/formats/columnar_module.hpp"
#include "data/formats/columnar_pieces.hpp"
#include "data/formats/columnar_reading.hpp"
#include "data/formats/csv_lexer.hpp"
#include "data/formats/table_files.hpp"

namespace convoy {
namespace {

/// What is decoded at once, beside what is made of it: small pieces come from memory that was used
/// before, and are still in the cache when they are put together.
constexpr std::size_t memory_of_pieces = std::size_t{16} << 20;

bool begins_with(std::span<const std::byte> bytes, std::string_view magic) {
  return bytes.size() >= magic.size() &&
         std::equal(magic.begin(), magic.end(), bytes.begin(),
                    [](char a, std::byte b) { return static_cast<std::byte>(a) == b; });
}

/// A message of a stream: its mark, then the size of what describes it.
bool is_arrow_stream(std::span<const std::byte> bytes) {
  constexpr std::size_t begin = 8;
  if (!begins_with(bytes, "\xff\xff\xff\xff") || bytes.size() < begin) return false;
  std::uint32_t size = 0;
  for (std::size_t i = begin; i > begin - 4; --i)
    size = size << 8 | std::to_integer<std::uint32_t>(bytes[i - 1]);
  return size > 0 && size % 8 == 0 && size <= bytes.size() - begin;
}

std::unique_ptr<columnar::File> open_columnar(const Content& content) {
  const std::span<const std::byte> bytes = content.bytes;
  using columnar::Storage;
  const bool parquet = is_parquet(bytes);
  if (begins_with(bytes, "PARE"))
    throw DataError(content.name, "is an encrypted Parquet file, which is not read");
  if (begins_with(bytes, "FEA1")) {
    throw DataError(content.name,
                    "is Feather's version 1, which is not read; write it anew as version 2");
  }
  if (!parquet && !is_arrow(bytes))
    throw DataError(content.name, "is neither Parquet nor Arrow: it does not begin like one");
  const Storage storage = parquet                  ? Storage::parquet
                          : is_arrow_stream(bytes) ? Storage::ipc_stream
                                                   : Storage::ipc_file;
  const columnar::Component& component =
      columnar_component(fmt::format("{} is {}", content.name, parquet ? "Parquet" : "Arrow"));
  try {
    return component.open(bytes, storage);
  } catch (const std::bad_alloc&) {
    throw DataError(content.name, "needs more memory than there is");
  } catch (const std::exception& error) {
    throw DataError(content.name, fmt::format("cannot be read: {}", one_line(error.what())));
  }
}

void check_column_names(const std::vector<columnar::Field>& fields, const std::string& file) {
  if (fields.empty()) throw DataError(file, "has no columns");
  std::unordered_set<std::string> seen;
  for (const columnar::Field& field : fields) {
    if (field.name.empty() || !is_utf8(field.name) || field.name.find('\0') != field.name.npos)
      throw DataError(file, "has a column whose name is empty or no text");
    if (!seen.insert(field.name).second)
      throw DataError(file, fmt::format("has two columns {}", in_quotes(field.name)));
  }
}

}  // namespace

bool is_parquet(std::span<const std::byte> bytes) {
  return begins_with(bytes, "PAR1") || begins_with(bytes, "PARE");
}

bool is_arrow(std::span<const std::byte> bytes) {
  return begins_with(bytes, "ARROW1") || begins_with(bytes, "FEA1") || is_arrow_stream(bytes);
}

ColumnarTable::ColumnarTable(const std::vector<Content>& files, std::int64_t most_values)
    : layout_(std::make_unique<ColumnarLayout>()) {
  std::vector<std::string>& table_names = layout_->names;
  layout_->most_values = most_values;
  std::unordered_map<std::string, std::size_t> columns;
  for (const Content& content : files) {
    ColumnarFile& own = layout_->files.emplace_back();
    own.content = content;
    own.file = open_columnar(content);
    const std::vector<columnar::Field>& fields = own.file->fields();
    check_column_names(fields, content.name);
    std::vector<std::string> names;
    for (const columnar::Field& field : fields) names.push_back(field.name);
    if (layout_->files.size() == 1) {
      table_names = names;
      layout_->text.assign(names.size(), false);
      for (std::size_t i = 0; i < names.size(); ++i) columns[names[i]] = i;
    }
    const auto known = [&](const std::string& name) { return columns.contains(name); };
    if (names.size() != table_names.size() || !std::all_of(names.begin(), names.end(), known)) {
      throw DataError(content.name,
                      fmt::format("has the columns {} where {} has {}", name_list(names),
                                  files[0].name, name_list(table_names)));
    }
    own.fields.resize(names.size());
    for (std::size_t i = 0; i < fields.size(); ++i) {
      const std::size_t column = columns[names[i]];
      own.fields[column] = static_cast<int>(i);
      if (fields[i].kind == columnar::Kind::text) layout_->text[column] = true;
    }
  }
}

ColumnarTable::~ColumnarTable() = default;
ColumnarTable::ColumnarTable(ColumnarTable&&) noexcept = default;

const std::vector<std::string>& ColumnarTable::names() const {
  return layout_->names;
}

void ColumnarTable::name_elements(std::vector<std::string>& columns) const {
  std::vector<std::string> named;
  for (const std::string& column : columns) {
    const std::size_t before = named.size();
    for (const columnar::Field& field : layout_->files[0].file->fields()) {
      if (!field.whole.empty() && field.whole == column) named.push_back(field.name);
    }
    if (named.size() == before) named.push_back(column);
  }
  columns = std::move(named);
}

namespace {

class ColumnarStream final : public TableStream {
 public:
  ColumnarStream(const std::string& name, std::function<ColumnarReading()> begin)
      : name_(name), begin_(std::move(begin)) {
    ColumnarReading reading = begin_();
    ranges_.resize(reading.columns().size());
    reading.run(memory_of_pieces, [&](std::int64_t rows, std::vector<BadRow> bad) {
      for (BadRow& row : bad) {
        row.row += head_.rows;
        note_bad_row(head_.bad, row.row, row.problem);
      }
      head_.rows += rows;
      run_tasks(ranges_.size(), [&](std::size_t c) {
        const NumberRange range = range_of(reading.columns()[c].take_values());
        ranges_[c].add(range);
      });
    });
    for (GrowingColumn& column : reading.columns()) head_.columns.push_back(column.finish());
  }

  void read(const std::function<void(Table piece)>& take) const override {
    ColumnarReading reading = begin_();
    std::int64_t all = 0;
    reading.run(memory_of_pieces, [&](std::int64_t rows, std::vector<BadRow> bad) {
      Table piece;
      piece.rows = rows;
      piece.bad = std::move(bad);
      bool same = (all += rows) <= head_.rows;
      for (std::size_t c = 0; c < head_.columns.size(); ++c) {
        GrowingColumn& column = reading.columns()[c];
        same = same && column.column().categories.size() <= head_.columns[c].categories.size();
        piece.columns.push_back(column.take_values());
      }
      if (!same) throw DataError(name_, "changed while it was read");
      take(std::move(piece));
    });
    if (all != head_.rows) throw DataError(name_, "changed while it was read");
  }

 private:
  const std::string& name_;
  std::function<ColumnarReading()> begin_;
};

}  // namespace

Table ColumnarTable::read(const std::string& name, const CsvOptions& options,
                          const CsvTolerance* tolerance, const FileDone& done) const {
  ColumnarReading reading(*layout_, name, options, tolerance, done);
  reading.reserve(name);
  Table table;
  reading.run(memory_of_pieces, [&](std::int64_t rows, std::vector<BadRow> bad) {
    for (const BadRow& row : bad) note_bad_row(table.bad, table.rows + row.row, row.problem);
    table.rows += rows;
    reading.require_room(table.rows, name);
  });
  for (GrowingColumn& column : reading.columns()) table.columns.push_back(column.finish());
  return table;
}

std::unique_ptr<TableStream> ColumnarTable::stream(const std::string& name,
                                                   const CsvOptions& options,
                                                   const CsvTolerance* tolerance,
                                                   const FileDone& done) const {
  return std::make_unique<ColumnarStream>(name, [this, &name, &options, tolerance, &done] {
    return ColumnarReading(*layout_, name, options, tolerance, done);
  });
}

std::string format_parquet(const std::vector<columnar::Written>& columns) {
  const columnar::Component& component = columnar_component("the output is Parquet");
  try {
    return component.write(columns);
  } catch (const std::exception& error) {
    throw InputError(fmt::format("Parquet: cannot be written: {}", one_line(error.what())));
  }
}

namespace {

class ColumnarFiles final : public TableFiles {
 public:
  explicit ColumnarFiles(const TableRequest& request)
      : name_(request.name), table_(request.files) {}

  CsvOptions options(CsvOptions options) const override {
    options = TableFiles::options(std::move(options));
    table_.name_elements(options.ignore);
    table_.name_elements(options.categorical);
    return options;
  }
  std::vector<std::string> names(const CsvOptions&) const override { return table_.names(); }
  bool reads_by_column() const override { return true; }

  Table read(const CsvOptions& options, const CsvTolerance* tolerance,
             const FileDone& done) const override {
    return table_.read(name_, options, tolerance, done);
  }
  void stream(const CsvOptions& options, const CsvTolerance* tolerance, const FileDone& done,
              const std::function<void(const TableStream&)>& use) const override {
    use(*table_.stream(name_, options, tolerance, done));
  }

 private:
  const std::string name_;
  const ColumnarTable table_;
};

FormatKind columnar_kind(std::string name, std::string title,
                         bool (*is_one)(std::span<const std::byte>),
                         std::vector<std::string> endings) {
  FormatKind kind;
  kind.name = std::move(name);
  kind.doc = "tables of " + title;
  kind.title = std::move(title);
  kind.endings = std::move(endings);
  kind.likeness = [is_one](const Content& file) {
    return is_one(file.bytes) ? Likeness::mark : Likeness::none;
  };
  kind.parts = true;
  kind.files = [](const TableRequest& request) { return std::make_unique<ColumnarFiles>(request); };
  return kind;
}

const schema::Registered parquet_format(formats(), columnar_kind("parquet", "Parquet", is_parquet,
                                                                 {".parquet", ".pq"}));
const schema::Registered arrow_format(formats(),
                                      columnar_kind("arrow", "Arrow", is_arrow,
                                                    {".arrow", ".arrows", ".feather", ".ipc"}));

}  // namespace

}  // namespace convoy
