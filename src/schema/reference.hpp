#pragma once
#include <string>

#include "convoy/schema/schema.hpp"

namespace convoy::schema {

/// Tables of every key that `root` describes as Markdown: values, default, meaning; a heading for
/// each section and list.
std::string reference(const Describe& root);

}  // namespace convoy::schema
