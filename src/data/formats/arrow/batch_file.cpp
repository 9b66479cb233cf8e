#include "data/formats/arrow/batch_file.hpp"

#include <arrow/array/array_nested.h>
#include <arrow/extension_type.h>

#include <algorithm>
#include <stdexcept>

#include "data/formats/arrow/pool.hpp"
#include "data/formats/arrow/results.hpp"

namespace convoy::columnar {
namespace {

using arrow::Type;

constexpr std::size_t most_fields = 1'000'000;
constexpr std::int64_t most_rows_looked_at = 1 << 20;
constexpr std::size_t deepest_struct = 16;

const arrow::DataType& without_extension(const arrow::DataType& type) {
  const arrow::DataType* plain = &type;
  while (plain->id() == Type::EXTENSION)
    plain = static_cast<const arrow::ExtensionType&>(*plain).storage_type().get();
  return *plain;
}

class BatchCursor final : public Cursor {
 public:
  /// `columns`: of the batches, for each appender the one that it reads.
  BatchCursor(NextBatch next, std::vector<int> columns, std::vector<Appender> appenders)
      : next_(std::move(next)), columns_(std::move(columns)), appenders_(std::move(appenders)) {}

  std::int64_t read(std::int64_t rows, std::span<Values> into) override {
    for (Appender& appender : appenders_) appender.restart();
    std::int64_t done = 0;
    while (done < rows && have_rows()) {
      const std::int64_t count = std::min(rows - done, batch_->num_rows() - at_);
      const bool whole = count == batch_->num_rows();
      const auto part = whole ? batch_ : batch_->Slice(at_, count);
      for (std::size_t i = 0; i < appenders_.size(); ++i)
        appenders_[i].append(part->column(columns_[i]), row_ + done, into[i]);
      at_ += count;
      done += count;
    }
    row_ += done;
    return done;
  }

 private:
  bool have_rows() {
    while (!batch_ || at_ == batch_->num_rows()) {
      batch_ = next_();
      at_ = 0;
      if (!batch_) {
        next_ = [] { return nullptr; };
        return false;
      }
    }
    return true;
  }

  NextBatch next_;
  std::vector<int> columns_;
  std::vector<Appender> appenders_;
  std::shared_ptr<arrow::RecordBatch> batch_;
  std::int64_t at_ = 0;   // in the batch
  std::int64_t row_ = 0;  // of the unit
};

/// The list column that a place means, of a batch's column.
std::shared_ptr<arrow::Array> array_at(std::shared_ptr<arrow::Array> array,
                                       const FieldPlace& place) {
  const auto plain = [](std::shared_ptr<arrow::Array> a) {
    while (a->type_id() == Type::EXTENSION)
      a = static_cast<const arrow::ExtensionArray&>(*a).storage();
    return a;
  };
  array = plain(array);
  for (const int member : place.members)
    array = plain(value_of(
        static_cast<const arrow::StructArray&>(*array).GetFlattenedField(member, memory_pool())));
  return array;
}

template <typename ListArray>
std::int64_t first_length(const arrow::Array& array) {
  const auto& lists = static_cast<const ListArray&>(array);
  for (std::int64_t row = 0; row < lists.length(); ++row) {
    if (!lists.IsNull(row)) return lists.value_length(row);
  }
  return -1;
}

}  // namespace

std::unique_ptr<Cursor> BatchFile::open(int unit, std::span<const Wanted> wanted) const {
  std::vector<int> columns;
  std::vector<Appender> appenders;
  for (const Wanted& one : wanted) {
    const FieldPlace& place = places_.at(static_cast<std::size_t>(one.field));
    columns.push_back(place.column);
    appenders.emplace_back(place, one.as_text, appenders.size());
  }
  std::vector<int> read = columns;
  std::sort(read.begin(), read.end());
  read.erase(std::unique(read.begin(), read.end()), read.end());
  for (int& column : columns)
    column = static_cast<int>(std::lower_bound(read.begin(), read.end(), column) - read.begin());
  NextBatch next = [source = batches(unit, read), count = static_cast<int>(read.size())] {
    auto batch = source();
    if (batch && batch->num_columns() != count)
      throw std::runtime_error("a record batch has another number of columns than its schema");
    return batch;
  };
  return std::make_unique<BatchCursor>(std::move(next), std::move(columns), std::move(appenders));
}

void BatchFile::describe(const arrow::Schema& schema) {
  for (int i = 0; i < schema.num_fields(); ++i)
    add_field(*schema.field(i)->type(), schema.field(i)->name(), {i, {}, -1, 0});
}

void BatchFile::add(Field field, FieldPlace place) {
  if (fields_.size() == most_fields)
    throw std::runtime_error("has more than " + std::to_string(most_fields) + " columns");
  field.group = place.column;
  fields_.push_back(std::move(field));
  places_.push_back(std::move(place));
}

void BatchFile::add_field(const arrow::DataType& outer, const std::string& name, FieldPlace place) {
  const arrow::DataType& type = without_extension(outer);
  switch (type.id()) {
    case Type::STRUCT:
      if (place.members.size() == deepest_struct) break;
      for (int i = 0; i < type.num_fields(); ++i) {
        FieldPlace inner = place;
        inner.members.push_back(i);
        add_field(*type.field(i)->type(), name + "." + type.field(i)->name(), std::move(inner));
      }
      return;
    case Type::FIXED_SIZE_LIST:
      return add_list(type, name, std::move(place),
                      static_cast<const arrow::FixedSizeListType&>(type).list_size());
    case Type::LIST:
    case Type::LARGE_LIST: {
      const bool readable = kind_of(*type.field(0)->type()) != Kind::unreadable;
      const std::int64_t width = readable ? first_list_length(place) : -1;
      return add_list(type, name, std::move(place), width);
    }
    default:
      break;
  }
  add({name, kind_of(type), type.ToString(), 0, ""}, std::move(place));
}

void BatchFile::add_list(const arrow::DataType& type, const std::string& name, FieldPlace place,
                         std::int64_t width) {
  const Kind kind = width > 0 ? kind_of(*type.field(0)->type()) : Kind::unreadable;
  if (kind == Kind::unreadable) return add({name, kind, type.ToString(), 0, ""}, std::move(place));
  place.width = width;
  for (std::int64_t i = 0; i < width; ++i) {
    place.element = i;
    add({name + "_" + std::to_string(i), kind, type.field(0)->type()->ToString(), 0, name}, place);
  }
}

std::int64_t BatchFile::first_list_length(const FieldPlace& place) const {
  std::int64_t looked_at = 0;
  for (int unit = 0; unit < units(); ++unit) {
    const NextBatch next = batches(unit, {place.column});
    while (const auto batch = next()) {
      const auto array = array_at(batch->column(0), place);
      const std::int64_t length = array->type_id() == Type::LIST
                                      ? first_length<arrow::ListArray>(*array)
                                      : first_length<arrow::LargeListArray>(*array);
      looked_at += batch->num_rows();
      if (length >= 0 || looked_at >= most_rows_looked_at) return length;
    }
  }
  return -1;
}

}  // namespace convoy::columnar
