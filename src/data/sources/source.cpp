#include "convoy/data/sources/source.hpp"

namespace convoy {

schema::Registry<SourceKind>& sources() {
  static schema::Registry<SourceKind> all("source", "sources", "data");
  return all;
}

std::vector<std::string> source_addresses(Gives gives) {
  std::vector<std::string> addresses;
  for (const auto& [name, kind] : sources().all()) {
    if (kind.gives == gives) addresses.push_back(kind.address);
  }
  return addresses;
}

}  // namespace convoy
