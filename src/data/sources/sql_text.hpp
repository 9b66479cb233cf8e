#pragma once
// As much of SQL as is needed to say something about a query before it is run.
#include <string>
#include <string_view>

namespace convoy {

/// Whether the rows of the query itself are ordered: ORDER BY outside of parentheses, texts, quoted
/// names and comments, as PostgreSQL has them.
bool has_order_by(std::string_view query);

/// The query's first word in small letters; empty where it begins with something else.
std::string first_word(std::string_view query);

}  // namespace convoy
