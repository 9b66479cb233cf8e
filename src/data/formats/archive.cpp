#include "data/formats/archive.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "convoy/core/error.hpp"
#include "data/formats/csv_lexer.hpp"

namespace convoy {

std::size_t choose_array(const std::vector<std::string>& names, const std::string& wanted,
                         const std::string& file) {
  if (names.empty()) throw DataError(file, "holds no array");
  if (wanted.empty() && names.size() == 1) return 0;
  // Names come from the file: nothing in them may break a line of output.
  std::vector<std::string> printable;
  for (const std::string& name : names) {
    const bool plain = is_utf8(name) && std::none_of(name.begin(), name.end(), [](char c) {
                         return static_cast<unsigned char>(c) < ' ' || c == '\x7f';
                       });
    printable.push_back(plain ? name : in_quotes(is_utf8(name) ? name : "?"));
  }
  if (wanted.empty()) {
    throw InputError(fmt::format("{}: holds {} arrays, {}; name the one to read: {}#{}", file,
                                 names.size(), name_list(printable), file, printable[0]));
  }
  const auto found = std::find(names.begin(), names.end(), wanted);
  if (found != names.end()) return static_cast<std::size_t>(found - names.begin());
  throw InputError(
      fmt::format("{}: has no array {}; it has {}", file, in_quotes(wanted), name_list(printable)));
}

}  // namespace convoy
