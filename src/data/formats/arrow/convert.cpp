#include "data/formats/arrow/convert.hpp"

#include <arrow/array/array_dict.h>
#include <arrow/array/array_nested.h>
#include <arrow/extension_type.h>

#include <stdexcept>

#include "data/formats/arrow/numbers.hpp"
#include "data/formats/arrow/pool.hpp"
#include "data/formats/arrow/positions.hpp"
#include "data/formats/arrow/spell.hpp"

namespace convoy::columnar {
namespace {

using arrow::Type;

constexpr std::int32_t unknown_code = -2;

/// Where the values of a place are in lists, whose first row is the `first`-th.
template <typename ListArray>
Positions positions_in(const ListArray& lists, const FieldPlace& place, std::int64_t first,
                       std::size_t index) {
  const std::int64_t rows = lists.length();
  const std::int64_t begin = rows > 0 ? lists.value_offset(0) : 0;
  bool even = lists.null_count() == 0;
  for (std::int64_t row = 0; row < rows && even; ++row)
    even = lists.value_length(row) == place.width;
  if (even && rows > 0) return {begin + place.element, place.width, rows};
  std::vector<std::int64_t> each(static_cast<std::size_t>(rows), -1);
  for (std::int64_t row = 0; row < rows; ++row) {
    if (lists.IsNull(row)) continue;
    if (lists.value_length(row) != place.width) {
      throw RowError(first + row, index,
                     "a list of " + std::to_string(lists.value_length(row)) +
                         " values where others have " + std::to_string(place.width));
    }
    each[static_cast<std::size_t>(row)] = lists.value_offset(row) + place.element;
  }
  return Positions(std::move(each));
}

std::shared_ptr<arrow::Array> without_extension(std::shared_ptr<arrow::Array> array) {
  while (array->type_id() == Type::EXTENSION)
    array = static_cast<const arrow::ExtensionArray&>(*array).storage();
  return array;
}

template <typename IndexArray, typename Take>
void visit_indices(const arrow::DictionaryArray& array, const Positions& rows, const Take& take) {
  const auto* const indices = static_cast<const IndexArray&>(*array.indices()).raw_values();
  const auto size = static_cast<std::uint64_t>(array.dictionary()->length());
  rows.visit(array, [&](std::int64_t row, std::int64_t at) {
    if (at < 0) return take(row, std::int64_t{-1});
    const auto index = static_cast<std::uint64_t>(static_cast<std::int64_t>(indices[at]));
    if (index >= size) throw std::runtime_error("an index beyond the dictionary");
    take(row, static_cast<std::int64_t>(index));
  });
}

template <typename Take>
void visit_dictionary(const arrow::DictionaryArray& array, const Positions& rows,
                      const Take& take) {
  switch (array.indices()->type_id()) {
    case Type::INT8:
      return visit_indices<arrow::Int8Array>(array, rows, take);
    case Type::UINT8:
      return visit_indices<arrow::UInt8Array>(array, rows, take);
    case Type::INT16:
      return visit_indices<arrow::Int16Array>(array, rows, take);
    case Type::UINT16:
      return visit_indices<arrow::UInt16Array>(array, rows, take);
    case Type::INT32:
      return visit_indices<arrow::Int32Array>(array, rows, take);
    case Type::UINT32:
      return visit_indices<arrow::UInt32Array>(array, rows, take);
    case Type::INT64:
      return visit_indices<arrow::Int64Array>(array, rows, take);
    default:
      return visit_indices<arrow::UInt64Array>(array, rows, take);
  }
}

}  // namespace

Kind kind_of(const arrow::DataType& type) {
  switch (type.id()) {
    case Type::BOOL:
    case Type::STRING:
    case Type::BINARY:
    case Type::LARGE_STRING:
    case Type::LARGE_BINARY:
    case Type::STRING_VIEW:
    case Type::BINARY_VIEW:
      return Kind::text;
    case Type::DICTIONARY:
      return kind_of(*static_cast<const arrow::DictionaryType&>(type).value_type());
    case Type::EXTENSION:
      return kind_of(*static_cast<const arrow::ExtensionType&>(type).storage_type());
    case Type::NA:
    case Type::INT8:
    case Type::INT16:
    case Type::INT32:
    case Type::INT64:
    case Type::UINT8:
    case Type::UINT16:
    case Type::UINT32:
    case Type::UINT64:
    case Type::HALF_FLOAT:
    case Type::FLOAT:
    case Type::DOUBLE:
    case Type::DECIMAL32:
    case Type::DECIMAL64:
    case Type::DECIMAL128:
    case Type::DECIMAL256:
    case Type::DATE32:
    case Type::DATE64:
    case Type::TIMESTAMP:
    case Type::TIME32:
    case Type::TIME64:
    case Type::DURATION:
      return Kind::number;
    default:
      return Kind::unreadable;
  }
}

void Appender::append(const std::shared_ptr<arrow::Array>& column, std::int64_t first,
                      Values& into) {
  std::shared_ptr<arrow::Array> array = without_extension(column);
  for (const int member : place_.members) {
    auto inner =
        static_cast<const arrow::StructArray&>(*array).GetFlattenedField(member, memory_pool());
    if (!inner.ok()) throw std::runtime_error(inner.status().message());
    array = without_extension(*inner);
  }
  if (place_.element < 0) return append_values(*array, {0, 1, array->length()}, into);
  switch (array->type_id()) {
    case Type::LIST: {
      const auto& lists = static_cast<const arrow::ListArray&>(*array);
      const Positions rows = positions_in(lists, place_, first, index_);
      return append_values(*without_extension(lists.values()), rows, into);
    }
    case Type::LARGE_LIST: {
      const auto& lists = static_cast<const arrow::LargeListArray&>(*array);
      const Positions rows = positions_in(lists, place_, first, index_);
      return append_values(*without_extension(lists.values()), rows, into);
    }
    default: {
      const auto& lists = static_cast<const arrow::FixedSizeListArray&>(*array);
      const Positions rows = positions_in(lists, place_, first, index_);
      return append_values(*without_extension(lists.values()), rows, into);
    }
  }
}

void Appender::restart() {
  codes_.clear();
  dictionary_.reset();
}

void Appender::append_values(const arrow::Array& array, const Positions& rows, Values& into) {
  if (array.type_id() == Type::DICTIONARY)
    return append_dictionary(static_cast<const arrow::DictionaryArray&>(array), rows, into);
  if (as_text_ || kind_of(*array.type()) == Kind::text) return append_texts(array, rows, into);
  append_numbers(array, rows, into.numbers);
}

void Appender::append_texts(const arrow::Array& array, const Positions& rows, Values& into) {
  const std::size_t begin = into.codes.size();
  into.codes.resize(begin + static_cast<std::size_t>(rows.count()));
  std::int32_t* const to = into.codes.data() + begin;
  std::string buffer;
  const bool never = array.type_id() == Type::NA;
  rows.visit(array, [&](std::int64_t row, std::int64_t at) {
    to[row] = at < 0 || never ? -1 : code_of(spell(array, at, buffer), into);
  });
}

void Appender::learn_dictionary(const std::shared_ptr<arrow::Array>& dictionary) {
  if (dictionary == dictionary_) return;
  dictionary_ = dictionary;
  dictionary_numbers_.clear();
  const std::int64_t size = dictionary->length();
  if (as_text_ || kind_of(*dictionary->type()) == Kind::text)
    dictionary_codes_.assign(static_cast<std::size_t>(size), unknown_code);
  else
    append_numbers(*dictionary, {0, 1, size}, dictionary_numbers_);
}

void Appender::append_dictionary(const arrow::DictionaryArray& array, const Positions& rows,
                                 Values& into) {
  learn_dictionary(without_extension(array.dictionary()));
  const arrow::Array& dictionary = *dictionary_;
  const auto count = static_cast<std::size_t>(rows.count());
  if (!as_text_ && kind_of(*dictionary.type()) != Kind::text) {
    const std::size_t begin = into.numbers.size();
    into.numbers.resize(begin + count);
    double* const to = into.numbers.data() + begin;
    visit_dictionary(array, rows, [&](std::int64_t row, std::int64_t index) {
      to[row] = index < 0 ? no_number : dictionary_numbers_[static_cast<std::size_t>(index)];
    });
    return;
  }
  const std::size_t begin = into.codes.size();
  into.codes.resize(begin + count);
  std::int32_t* const to = into.codes.data() + begin;
  std::string buffer;
  visit_dictionary(array, rows, [&](std::int64_t row, std::int64_t index) {
    if (index < 0) {
      to[row] = -1;
      return;
    }
    std::int32_t& code = dictionary_codes_[static_cast<std::size_t>(index)];
    if (code == unknown_code)
      code = dictionary.IsNull(index) ? -1 : code_of(spell(dictionary, index, buffer), into);
    to[row] = code;
  });
}

std::int32_t Appender::code_of(std::string_view text, Values& into) {
  const auto known = codes_.find(text);
  if (known != codes_.end()) return known->second;
  const auto code = static_cast<std::int32_t>(into.categories.size());
  codes_.emplace(std::string(text), code);
  into.categories.emplace_back(text);
  return code;
}

}  // namespace convoy::columnar
