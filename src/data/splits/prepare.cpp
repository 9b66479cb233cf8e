#include "convoy/data/records/prepare.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <map>
#include <memory>
#include <optional>

#include "convoy/core/error.hpp"
#include "convoy/data/preprocess/frame.hpp"
#include "convoy/data/sources/fetch.hpp"
#include "data/formats/array.hpp"
#include "data/formats/table_stream.hpp"
#include "data/records/writer.hpp"
#include "data/sources/address.hpp"
#include "data/sources/checked_files.hpp"
#include "data/splits/partition_column.hpp"
#include "data/splits/source.hpp"
#include "data/splits/split.hpp"

namespace convoy {
namespace {

/// The smallest type that holds all numbers of a column exactly, so that they are read back as they
/// were.
ElementType smallest_type(const NumberRange& range) {
  const bool whole = range.whole && range.missing == 0 && !range.negative_zero && range.count > 0;
  const auto fits = [&]<typename T>(T) {
    return whole && range.low >= static_cast<double>(std::numeric_limits<T>::min()) &&
           range.high <= static_cast<double>(std::numeric_limits<T>::max());
  };
  if (fits(std::uint8_t{})) return ElementType::u8;
  if (fits(std::int8_t{})) return ElementType::i8;
  if (fits(std::uint16_t{})) return ElementType::u16;
  if (fits(std::int16_t{})) return ElementType::i16;
  if (range.single) return ElementType::f32;
  return fits(std::uint32_t{})  ? ElementType::u32
         : fits(std::int32_t{}) ? ElementType::i32
                                : ElementType::f64;
}

RecordField field_of_column(const Column& column, const NumberRange& range, bool target) {
  RecordField field;
  field.name = column.name;
  field.target = target;
  field.categorical = column.categorical;
  field.missing = range.missing;
  if (column.categorical) {
    field.type = ElementType::u32;
    field.categories = column.categories;
    return field;
  }
  field.type = smallest_type(range);
  field.low = range.low;
  field.high = range.high;
  field.whole = range.count > 0 && range.whole;
  return field;
}

template <typename T>
void put_numbers(const std::vector<double>& numbers, std::byte* to, std::size_t stride) {
  for (const double number : numbers) {
    const auto value = static_cast<T>(number);
    std::memcpy(to, &value, sizeof value);
    to += stride;
  }
}

/// Writes a column to its places in some records.
void put_column(const Column& column, const RecordField& field, std::byte* records,
                std::size_t stride) {
  std::byte* const to = records + field.offset;
  if (field.categorical) {
    for (std::size_t i = 0; i < column.codes.size(); ++i) {
      const std::uint32_t code =
          column.codes[i] < 0 ? missing_code : static_cast<std::uint32_t>(column.codes[i]);
      std::memcpy(to + i * stride, &code, sizeof code);
    }
    return;
  }
  switch (field.type) {
    case ElementType::u8:
      return put_numbers<std::uint8_t>(column.numbers, to, stride);
    case ElementType::i8:
      return put_numbers<std::int8_t>(column.numbers, to, stride);
    case ElementType::u16:
      return put_numbers<std::uint16_t>(column.numbers, to, stride);
    case ElementType::i16:
      return put_numbers<std::int16_t>(column.numbers, to, stride);
    case ElementType::u32:
      return put_numbers<std::uint32_t>(column.numbers, to, stride);
    case ElementType::i32:
      return put_numbers<std::int32_t>(column.numbers, to, stride);
    case ElementType::f32:
      return put_numbers<float>(column.numbers, to, stride);
    default:
      return put_numbers<double>(column.numbers, to, stride);
  }
}

/// Writes one part of the folder.
class PartWriter {
 public:
  PartWriter(std::string name, RecordFolder& folder, std::uint64_t shard_bytes,
             const DataOptions& data, std::optional<TargetCode>& code)
      : folder_(folder), shard_bytes_(shard_bytes), data_(data), code_(code) {
    part_.name = std::move(name);
  }

  /// The fields are known. `head` as TableVisitor has it; `ranges` of its columns and targets.
  void begin(const Source& head, const std::vector<NumberRange>& ranges) {
    part_.source = head.file;
    part_.array = head.array.has_value();
    part_.integers = head.target->integers;
    part_.classes = head.target->classes;
    if (part_.array) {
      RecordField& field = part_.fields.emplace_back();
      field.name = "features";
      field.type = head.array->type;
      field.shape.assign(head.array->shape.begin() + 1, head.array->shape.end());
    }
    auto range = ranges.begin();
    for (const Column& column : head.columns)
      part_.fields.push_back(field_of_column(column, *range++, false));
    first_target_ = part_.fields.size();
    for (const Column& column : head.target->columns)
      part_.fields.push_back(field_of_column(column, *range++, true));
    lay_out(part_);
    if (!code_) code_ = TargetCode::decide(*head.target, data_);
    writer_ = folder_.add_part(part_, shard_bytes_);
  }

  /// Rows of a table, or rows from `first` on of an array; bad ones are left out.
  void add(Source& piece, std::int64_t first = 0) {
    if (data_.on_bad_sample == "skip") {
      BadSamples found;
      code_->find_bad(*piece.target, found, seen_);
      for (const auto& [row, problem] : found.within(seen_, seen_ + piece.rows))
        piece.bad.add(row - seen_, problem);
    }
    for (const auto& [row, problem] : piece.bad.within(0, piece.rows))
      bad_.add(seen_ + row, problem);
    const std::size_t stride = part_.record_bytes;
    records_.assign(static_cast<std::size_t>(piece.rows) * stride, std::byte{0});
    if (part_.array) put_arrays(*piece.array, first, piece.rows);
    for (std::size_t i = 0; i < piece.columns.size(); ++i)
      put_column(piece.columns[i], part_.fields[i], records_.data(), stride);
    for (std::size_t i = 0; i < piece.target->columns.size(); ++i)
      put_column(piece.target->columns[i], part_.fields[first_target_ + i], records_.data(),
                 stride);
    seen_ += piece.rows;
    write_good(piece);
  }

  PreparedPart finish(RecordIndex& index) {
    bad_.require_few(part_.source, seen_, data_.max_bad_samples);
    writer_->finish();
    PreparedPart prepared{part_.name,
                          part_.source,
                          part_.samples,
                          static_cast<std::int64_t>(part_.shards.size()),
                          0,
                          part_.record_bytes,
                          ""};
    for (const RecordShard& shard : part_.shards) prepared.bytes += shard.bytes;
    if (!bad_.empty()) prepared.left_out = bad_.summary(part_.source, seen_);
    index.parts.push_back(std::move(part_));
    return prepared;
  }

 private:
  void put_arrays(const Array& array, std::int64_t first, std::int64_t rows) {
    const std::size_t bytes = part_.fields[0].bytes;
    for (std::int64_t row = 0; row < rows; ++row) {
      std::memcpy(records_.data() + static_cast<std::size_t>(row) * part_.record_bytes +
                      part_.fields[0].offset,
                  array.bytes.data() + static_cast<std::size_t>(first + row) * bytes, bytes);
    }
  }

  void write_good(const Source& piece) {
    const std::span<const std::byte> records(records_);
    if (piece.bad.empty()) return writer_->add(records);
    for (const std::int64_t row : piece.good_rows())
      writer_->add(
          records.subspan(static_cast<std::size_t>(row) * part_.record_bytes, part_.record_bytes));
  }

  RecordFolder& folder_;
  std::uint64_t shard_bytes_;
  const DataOptions& data_;
  std::optional<TargetCode>& code_;  // decided by the training files
  RecordPart part_;
  std::size_t first_target_ = 0;
  std::unique_ptr<RecordWriter> writer_;
  std::vector<std::byte> records_;
  std::int64_t seen_ = 0;
  BadSamples bad_;
};

/// Takes a table to its part, and keeps what its columns are.
class PrepareTable final : public TableVisitor {
 public:
  explicit PrepareTable(PartWriter& writer) : writer_(writer) {}
  void begin(const Source& head, const std::vector<NumberRange>& ranges) override {
    head_ = head;
    writer_.begin(head, ranges);
  }
  void piece(Source piece) override { writer_.add(piece); }
  Source& head() { return head_; }

 private:
  PartWriter& writer_;
  Source head_;
};

/// The rows of a source in memory, or mapped, a MiB after the other.
void write_source(const Source& source, PartWriter& writer) {
  if (source.records) throw InputError(fmt::format("{}: is prepared data already", source.file));
  if (source.tokenizer)
    throw InputError(
        fmt::format("{}: is a text, whose samples are windows of it; train on the text "
                    "itself, which takes less room",
                    source.file));
  std::vector<NumberRange> ranges;
  for (const Column& column : source.target->columns) ranges.push_back(range_of(column));
  writer.begin(source, ranges);
  constexpr std::size_t piece_bytes = 1 << 20;
  const std::size_t row_bytes =
      std::max<std::size_t>(1, source.array->bytes.size() / static_cast<std::size_t>(source.rows));
  const auto rows_of_piece =
      std::clamp<std::int64_t>(static_cast<std::int64_t>(piece_bytes / row_bytes), 1, 65536);
  for (std::int64_t at = 0; at < source.rows; at += rows_of_piece) {
    const std::int64_t end = std::min(source.rows, at + rows_of_piece);
    std::vector<std::int64_t> rows;
    for (std::int64_t row = at; row < end; ++row) rows.push_back(row);
    Source piece;
    piece.array = source.array;
    piece.rows = end - at;
    piece.target = RawTarget{take_rows(source.target->columns, rows), source.target->integers,
                             source.target->classes, source.target->file};
    for (const auto& [row, problem] : source.bad.within(at, end)) piece.bad.add(row - at, problem);
    writer.add(piece, at);
  }
}

/// The standard input, for one, cannot be read twice.
Resolve keep_read_once(Resolve resolve) {
  const auto kept = std::make_shared<std::map<std::string, Located>>();
  return [resolve = std::move(resolve), kept](const std::string& path) {
    const SourceKind* kind = source_of(path);
    if (!kind || !kind->once) return resolve(path);
    const auto known = kept->find(path);
    return known != kept->end() ? known->second : (*kept)[path] = resolve(path);
  };
}

}  // namespace

std::vector<PreparedPart> prepare_data(const LoadOptions& load, const PrepareOptions& options) {
  const DataOptions& data = load.data;
  require_clear_splits(data);
  const DataOptions train = with_partition_column(data, load.partition);
  CheckedFiles files(data.verify);
  const std::filesystem::path root =
      data.fetch.empty() ? load.directory : fetch_package(data.fetch);
  const Resolve resolve =
      with_sources([&](const std::string& path) { return locate(root / path, files); });
  RecordFolder folder(options.out, options.replace);
  RecordIndex index;
  std::vector<PreparedPart> prepared;
  std::optional<TargetCode> code;
  std::optional<ColumnRoles> roles;
  const auto prepare = [&](const char* name, const char* key, const DataFiles& split) {
    if (split.empty()) return;
    const SourceOptions how{
        .data = roles ? data : train, .key = key, .roles = roles ? &*roles : nullptr};
    const Resolve once = keep_read_once(resolve);
    PartWriter writer(name, folder, options.shard_bytes, data, code);
    PrepareTable table(writer);
    Source source;
    if (!visit_table(split, how, once, table)) {
      source = read_source(split, how, once);
      write_source(source, writer);
    }
    prepared.push_back(writer.finish(index));
    if (!roles) roles = roles_of(source.array ? source : table.head(), *code);
  };
  prepare("train", "data.train", data.train);
  prepare("validation", "data.validation_files", data.validation_files);
  prepare("test", "data.test", data.test);
  folder.commit(index);
  return prepared;
}

}  // namespace convoy
