#pragma once
// Values as YAML.
#include <string>

#include "convoy/schema/schema.hpp"

namespace convoy::schema {

/// A value on one line, such that reading it gives the same value. Numbers have the fewest digits
/// that do.
std::string value_text(const Value& value, const Rule& rule);

}  // namespace convoy::schema
