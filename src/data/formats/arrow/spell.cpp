#include "data/formats/arrow/spell.hpp"

#include <arrow/util/float16.h>

#include <charconv>
#include <chrono>
#include <stdexcept>

namespace convoy::columnar {
namespace {

template <typename T>
std::string_view number(T value, std::string& buffer) {
  buffer.resize(64);
  const auto [end, error] = std::to_chars(buffer.data(), buffer.data() + buffer.size(), value);
  buffer.resize(static_cast<std::size_t>(end - buffer.data()));
  return buffer;
}

void append_padded(std::string& text, std::int64_t value, std::size_t digits) {
  std::string number = std::to_string(value);
  if (number.size() < digits) text.append(digits - number.size(), '0');
  text += number;
}

std::int64_t floor_divide(std::int64_t value, std::int64_t by) {
  return value / by - (value % by < 0 ? 1 : 0);
}

std::int64_t floor_rest(std::int64_t value, std::int64_t by) {
  return value % by + (value % by < 0 ? by : 0);
}

void append_date(std::string& text, std::int64_t days) {
  constexpr std::int64_t most = 11'000'000;  // std::chrono's years end at 32767
  if (days < -most || days > most) {
    text += std::to_string(days);
    return;
  }
  const std::chrono::year_month_day date{
      std::chrono::sys_days{std::chrono::days{static_cast<int>(days)}}};
  const int year = static_cast<int>(date.year());
  if (year < 0) text += '-';
  append_padded(text, year < 0 ? -year : year, 4);
  text += '-';
  append_padded(text, static_cast<unsigned>(date.month()), 2);
  text += '-';
  append_padded(text, static_cast<unsigned>(date.day()), 2);
}

/// `second` is how many units one has.
void append_time(std::string& text, std::int64_t units, std::int64_t second) {
  const std::int64_t seconds = floor_divide(units, second);
  append_padded(text, floor_divide(seconds, 3600), 2);
  text += ':';
  append_padded(text, floor_rest(floor_divide(seconds, 60), 60), 2);
  text += ':';
  append_padded(text, floor_rest(seconds, 60), 2);
  const std::int64_t rest = floor_rest(units, second);
  if (rest == 0) return;
  std::string fraction = std::to_string(second + rest);  // 1, then its digits
  fraction.erase(fraction.find_last_not_of('0') + 1);
  text += '.';
  text += fraction.substr(1);
}

template <typename ArrayType>
auto value_of(const arrow::Array& array, std::int64_t at) {
  return static_cast<const ArrayType&>(array).Value(at);
}

std::string_view timestamp(const arrow::Array& array, std::int64_t at, std::string& buffer) {
  const std::int64_t second =
      units_a_second(static_cast<const arrow::TimestampType&>(*array.type()).unit());
  const std::int64_t units = value_of<arrow::TimestampArray>(array, at);
  const std::int64_t days = floor_divide(units, second * 86'400);
  buffer.clear();
  append_date(buffer, days);
  buffer += ' ';
  append_time(buffer, floor_rest(units, second * 86'400), second);
  return buffer;
}

}  // namespace

std::int64_t units_a_second(arrow::TimeUnit::type unit) {
  switch (unit) {
    case arrow::TimeUnit::SECOND:
      return 1;
    case arrow::TimeUnit::MILLI:
      return 1'000;
    case arrow::TimeUnit::MICRO:
      return 1'000'000;
    default:
      return 1'000'000'000;
  }
}

std::string_view spell(const arrow::Array& array, std::int64_t at, std::string& buffer) {
  using arrow::Type;
  switch (array.type_id()) {
    case Type::STRING:
    case Type::BINARY:
      return static_cast<const arrow::BinaryArray&>(array).GetView(at);
    case Type::LARGE_STRING:
    case Type::LARGE_BINARY:
      return static_cast<const arrow::LargeBinaryArray&>(array).GetView(at);
    case Type::STRING_VIEW:
    case Type::BINARY_VIEW:
      return static_cast<const arrow::BinaryViewArray&>(array).GetView(at);
    case Type::BOOL:
      return value_of<arrow::BooleanArray>(array, at) ? "true" : "false";
    case Type::INT8:
      return number(static_cast<int>(value_of<arrow::Int8Array>(array, at)), buffer);
    case Type::INT16:
      return number(value_of<arrow::Int16Array>(array, at), buffer);
    case Type::INT32:
      return number(value_of<arrow::Int32Array>(array, at), buffer);
    case Type::INT64:
      return number(value_of<arrow::Int64Array>(array, at), buffer);
    case Type::UINT8:
      return number(static_cast<int>(value_of<arrow::UInt8Array>(array, at)), buffer);
    case Type::UINT16:
      return number(value_of<arrow::UInt16Array>(array, at), buffer);
    case Type::UINT32:
      return number(value_of<arrow::UInt32Array>(array, at), buffer);
    case Type::UINT64:
      return number(value_of<arrow::UInt64Array>(array, at), buffer);
    case Type::HALF_FLOAT:
      return number(
          arrow::util::Float16::FromBits(value_of<arrow::HalfFloatArray>(array, at)).ToFloat(),
          buffer);
    case Type::FLOAT:
      return number(value_of<arrow::FloatArray>(array, at), buffer);
    case Type::DOUBLE:
      return number(value_of<arrow::DoubleArray>(array, at), buffer);
    case Type::DECIMAL32:
      return buffer = static_cast<const arrow::Decimal32Array&>(array).FormatValue(at);
    case Type::DECIMAL64:
      return buffer = static_cast<const arrow::Decimal64Array&>(array).FormatValue(at);
    case Type::DECIMAL128:
      return buffer = static_cast<const arrow::Decimal128Array&>(array).FormatValue(at);
    case Type::DECIMAL256:
      return buffer = static_cast<const arrow::Decimal256Array&>(array).FormatValue(at);
    case Type::DATE32:
      buffer.clear();
      append_date(buffer, value_of<arrow::Date32Array>(array, at));
      return buffer;
    case Type::DATE64:
      buffer.clear();
      append_date(buffer, floor_divide(value_of<arrow::Date64Array>(array, at), 86'400'000));
      return buffer;
    case Type::TIMESTAMP:
      return timestamp(array, at, buffer);
    case Type::TIME32:
      buffer.clear();
      append_time(buffer, value_of<arrow::Time32Array>(array, at),
                  units_a_second(static_cast<const arrow::Time32Type&>(*array.type()).unit()));
      return buffer;
    case Type::TIME64:
      buffer.clear();
      append_time(buffer, value_of<arrow::Time64Array>(array, at),
                  units_a_second(static_cast<const arrow::Time64Type&>(*array.type()).unit()));
      return buffer;
    case Type::DURATION:
      return number(value_of<arrow::DurationArray>(array, at), buffer);
    default:
      throw std::runtime_error("values of type " + array.type()->ToString() + " have no spelling");
  }
}

}  // namespace convoy::columnar
