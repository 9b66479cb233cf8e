#include "data/formats/arrow/convert.hpp"

#include <arrow/array/array_dict.h>
#include <arrow/array/array_nested.h>
#include <arrow/extension_type.h>
#include <arrow/memory_pool.h>
#include <arrow/util/decimal.h>
#include <arrow/util/float16.h>

#include <charconv>
#include <cmath>
#include <limits>
#include <stdexcept>

#include "data/formats/arrow/spell.hpp"

namespace convoy::columnar {
namespace {

using arrow::Type;

constexpr double no_number = std::numeric_limits<double>::quiet_NaN();
constexpr std::int32_t unknown_code = -2;

/// Of the file, as null is another NaN.
template <typename T>
double marked(T value) {
  return value == value ? static_cast<double>(value) : -no_number;
}

}  // namespace

class Positions {
 public:
  /// Every `step`-th value.
  Positions(std::int64_t first, std::int64_t step, std::int64_t count)
      : first_(first), step_(step), count_(count) {}
  /// These; -1: there is none.
  explicit Positions(std::vector<std::int64_t> each)
      : count_(static_cast<std::int64_t>(each.size())), each_(std::move(each)) {}

  std::int64_t count() const { return count_; }

  /// Calls `take(row, position)`; the position is -1 where the value is null.
  template <typename Take>
  void visit(const arrow::Array& array, const Take& take) const {
    const bool nulls = array.null_count() > 0;
    if (each_.empty() && !nulls) {
      for (std::int64_t i = 0; i < count_; ++i) take(i, first_ + i * step_);
      return;
    }
    for (std::int64_t i = 0; i < count_; ++i) {
      const std::int64_t at =
          each_.empty() ? first_ + i * step_ : each_[static_cast<std::size_t>(i)];
      take(i, at < 0 || (nulls && array.IsNull(at)) ? -1 : at);
    }
  }

 private:
  std::int64_t first_ = 0;
  std::int64_t step_ = 1;
  std::int64_t count_ = 0;
  std::vector<std::int64_t> each_;
};

namespace {

template <typename Get>
void append_numbers(const arrow::Array& array, const Positions& rows, std::vector<double>& out,
                    const Get& get) {
  const std::size_t begin = out.size();
  out.resize(begin + static_cast<std::size_t>(rows.count()));
  double* const to = out.data() + begin;
  rows.visit(array, [&](std::int64_t row, std::int64_t at) {
    to[row] = at < 0 ? no_number : get(at);
  });
}

template <typename ArrayType>
void append_plain(const arrow::Array& array, const Positions& rows, std::vector<double>& out,
                  double scale = 1) {
  const auto* const values = static_cast<const ArrayType&>(array).raw_values();
  if (scale == 1)
    append_numbers(array, rows, out, [values](std::int64_t at) { return marked(values[at]); });
  else
    append_numbers(array, rows, out,
                   [values, scale](std::int64_t at) { return marked(values[at]) / scale; });
}

/// The double next to it: the quotient of two doubles that are exact, else what its digits say.
template <typename ArrayType>
void append_decimals(const arrow::Array& array, const Positions& rows, std::vector<double>& out) {
  const auto& decimals = static_cast<const ArrayType&>(array);
  std::string text;
  append_numbers(array, rows, out, [&](std::int64_t at) {
    text = decimals.FormatValue(at);
    double value = no_number;
    std::from_chars(text.data(), text.data() + text.size(), value);
    return value;
  });
}

/// As most decimals are small enough for that quotient.
void append_decimals_128(const arrow::Array& array, const Positions& rows,
                         std::vector<double>& out) {
  const auto& decimals = static_cast<const arrow::Decimal128Array&>(array);
  const std::int32_t scale = static_cast<const arrow::Decimal128Type&>(*array.type()).scale();
  constexpr std::int32_t largest_exact_power = 22;
  if (scale < 0 || scale > largest_exact_power)
    return append_decimals<arrow::Decimal128Array>(array, rows, out);
  const double divisor = std::pow(10.0, scale);
  append_numbers(array, rows, out, [&](std::int64_t at) {
    const arrow::Decimal128 value(decimals.GetValue(at));
    const auto low = static_cast<std::int64_t>(value.low_bits());
    constexpr std::int64_t exact = std::int64_t{1} << 53;
    if (value.high_bits() == low >> 63 && -exact <= low && low <= exact)
      return static_cast<double>(low) / divisor;
    const std::string text = decimals.FormatValue(at);
    double number = no_number;
    std::from_chars(text.data(), text.data() + text.size(), number);
    return number;
  });
}

double units_a_second(arrow::TimeUnit::type unit) {
  switch (unit) {
    case arrow::TimeUnit::SECOND:
      return 1;
    case arrow::TimeUnit::MILLI:
      return 1e3;
    case arrow::TimeUnit::MICRO:
      return 1e6;
    default:
      return 1e9;
  }
}

template <typename ArrowType>
double units_of(const arrow::Array& array) {
  return units_a_second(static_cast<const ArrowType&>(*array.type()).unit());
}

void append_all_numbers(const arrow::Array& array, const Positions& rows,
                        std::vector<double>& out) {
  switch (array.type_id()) {
    case Type::NA:
      out.insert(out.end(), static_cast<std::size_t>(rows.count()), no_number);
      return;
    case Type::INT8:
      return append_plain<arrow::Int8Array>(array, rows, out);
    case Type::INT16:
      return append_plain<arrow::Int16Array>(array, rows, out);
    case Type::INT32:
      return append_plain<arrow::Int32Array>(array, rows, out);
    case Type::INT64:
      return append_plain<arrow::Int64Array>(array, rows, out);
    case Type::UINT8:
      return append_plain<arrow::UInt8Array>(array, rows, out);
    case Type::UINT16:
      return append_plain<arrow::UInt16Array>(array, rows, out);
    case Type::UINT32:
      return append_plain<arrow::UInt32Array>(array, rows, out);
    case Type::UINT64:
      return append_plain<arrow::UInt64Array>(array, rows, out);
    case Type::FLOAT:
      return append_plain<arrow::FloatArray>(array, rows, out);
    case Type::DOUBLE:
      return append_plain<arrow::DoubleArray>(array, rows, out);
    case Type::DATE32:
      return append_plain<arrow::Date32Array>(array, rows, out);
    case Type::DATE64:
      return append_plain<arrow::Date64Array>(array, rows, out, 86'400'000);
    case Type::TIMESTAMP:
      return append_plain<arrow::TimestampArray>(array, rows, out,
                                                 units_of<arrow::TimestampType>(array));
    case Type::TIME32:
      return append_plain<arrow::Time32Array>(array, rows, out, units_of<arrow::Time32Type>(array));
    case Type::TIME64:
      return append_plain<arrow::Time64Array>(array, rows, out, units_of<arrow::Time64Type>(array));
    case Type::DURATION:
      return append_plain<arrow::DurationArray>(array, rows, out,
                                                units_of<arrow::DurationType>(array));
    case Type::HALF_FLOAT: {
      const auto* const values = static_cast<const arrow::HalfFloatArray&>(array).raw_values();
      return append_numbers(array, rows, out, [values](std::int64_t at) {
        return marked(arrow::util::Float16::FromBits(values[at]).ToFloat());
      });
    }
    case Type::DECIMAL32:
      return append_decimals<arrow::Decimal32Array>(array, rows, out);
    case Type::DECIMAL64:
      return append_decimals<arrow::Decimal64Array>(array, rows, out);
    case Type::DECIMAL128:
      return append_decimals_128(array, rows, out);
    case Type::DECIMAL256:
      return append_decimals<arrow::Decimal256Array>(array, rows, out);
    default:
      throw std::runtime_error("is of type " + array.type()->ToString() + ", which is not read");
  }
}

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
  const auto* const indices =
      static_cast<const IndexArray&>(*array.indices()).raw_values();
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
    auto inner = static_cast<const arrow::StructArray&>(*array).GetFlattenedField(
        member, arrow::system_memory_pool());
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
  append_all_numbers(array, rows, into.numbers);
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
    append_all_numbers(*dictionary, {0, 1, size}, dictionary_numbers_);
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
