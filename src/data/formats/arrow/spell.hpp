#pragma once
// Values as text.
#include <arrow/array.h>
#include <arrow/type.h>

#include <string>
#include <string_view>

namespace convoy::columnar {

/// How many of a unit a second has.
std::int64_t units_a_second(arrow::TimeUnit::type unit);

/// The value at `at`, which is not null: text as it is, true and false, numbers with the fewest
/// digits that are read back as the same, dates and times as ISO 8601 has them with a blank between
/// the two. `buffer` may hold it. Throws std::runtime_error for types that have no spelling.
std::string_view spell(const arrow::Array& array, std::int64_t at, std::string& buffer);

}  // namespace convoy::columnar
