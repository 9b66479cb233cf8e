#include "convoy/data/formats/format.hpp"

#include "data/formats/file_names.hpp"

namespace convoy {

schema::Registry<FormatKind>& formats() {
  static schema::Registry<FormatKind> all("format", "formats", "data.format");
  return all;
}

const FormatKind* format_named(std::string_view name) {
  return static_cast<const FormatKind*>(formats().lookup(name));
}

const FormatKind* format_of_name(std::string_view path) {
  const std::string name = unpacked_name(path);
  for (const auto& [key, kind] : formats().all()) {
    for (const std::string& ending : kind.endings) {
      if (name.ends_with(ending)) return &kind;
    }
  }
  return nullptr;
}

}  // namespace convoy
