#include "data/formats/arrow/numbers.hpp"

#include <arrow/type.h>
#include <arrow/util/decimal.h>
#include <arrow/util/float16.h>

#include <charconv>
#include <cmath>
#include <stdexcept>
#include <string>

#include "data/formats/arrow/spell.hpp"

namespace convoy::columnar {
namespace {

using arrow::Type;

/// Of the file, as null is another NaN.
template <typename T>
double marked(T value) {
  return value == value ? static_cast<double>(value) : -no_number;
}

template <typename Get>
void append_each(const arrow::Array& array, const Positions& rows, std::vector<double>& out,
                 const Get& get) {
  const std::size_t begin = out.size();
  out.resize(begin + static_cast<std::size_t>(rows.count()));
  double* const to = out.data() + begin;
  rows.visit(array,
             [&](std::int64_t row, std::int64_t at) { to[row] = at < 0 ? no_number : get(at); });
}

template <typename ArrayType>
void append_plain(const arrow::Array& array, const Positions& rows, std::vector<double>& out,
                  double scale = 1) {
  const auto* const values = static_cast<const ArrayType&>(array).raw_values();
  if (scale == 1)
    append_each(array, rows, out, [values](std::int64_t at) { return marked(values[at]); });
  else
    append_each(array, rows, out,
                [values, scale](std::int64_t at) { return marked(values[at]) / scale; });
}

/// The double next to it: the quotient of two doubles that are exact, else what its digits say.
template <typename ArrayType>
void append_decimals(const arrow::Array& array, const Positions& rows, std::vector<double>& out) {
  const auto& decimals = static_cast<const ArrayType&>(array);
  std::string text;
  append_each(array, rows, out, [&](std::int64_t at) {
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
  append_each(array, rows, out, [&](std::int64_t at) {
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

template <typename ArrowType>
double units_of(const arrow::Array& array) {
  return static_cast<double>(units_a_second(static_cast<const ArrowType&>(*array.type()).unit()));
}

}  // namespace

void append_numbers(const arrow::Array& array, const Positions& rows, std::vector<double>& out) {
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
      return append_each(array, rows, out, [values](std::int64_t at) {
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

}  // namespace convoy::columnar
