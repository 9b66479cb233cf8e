#include "data/formats/file_names.hpp"

#include <algorithm>
#include <cctype>

namespace convoy {

std::string unpacked_name(std::string_view path) {
  std::string name(path.substr(path.rfind('/') + 1));
  std::transform(name.begin(), name.end(), name.begin(),
                 [](unsigned char c) { return std::tolower(c); });
  if (name.ends_with(".gz")) name.resize(name.size() - 3);
  if (name.ends_with(".zst")) name.resize(name.size() - 4);
  return name;
}

}  // namespace convoy
