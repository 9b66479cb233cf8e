#include "data/formats/file_names.hpp"

#include <algorithm>
#include <cctype>

#include "convoy/data/formats/format.hpp"

namespace convoy {

std::string unpacked_name(std::string_view path) {
  std::string name(path.substr(path.rfind('/') + 1));
  std::transform(name.begin(), name.end(), name.begin(),
                 [](unsigned char c) { return std::tolower(c); });
  if (name.ends_with(".gz")) name.resize(name.size() - 3);
  if (name.ends_with(".zst")) name.resize(name.size() - 4);
  return name;
}

bool looks_like_text(const Content& content) {
  const std::string name = unpacked_name(content.name);
  return name.ends_with(".txt") || name.ends_with(".data") ||
         content.text().find('\0') == std::string_view::npos;
}

}  // namespace convoy
