#include "data/sources/resolve.hpp"

#include <fmt/format.h>

#include <map>
#include <memory>
#include <utility>

#include "convoy/core/error.hpp"
#include "data/sources/address.hpp"

namespace convoy {

Resolve with_sources(Resolve files, const Peers* peers) {
  const bool alone = peers == nullptr || peers->size() == 1;
  const auto opened = std::make_shared<std::map<std::string, GetFile>>();
  return [files = std::move(files), alone, opened](const std::string& path) -> Located {
    const SourceKind* kind = source_of(path);
    if (!kind) return files(path);
    if (kind->gives != Gives::files) {
      throw InputError(fmt::format("{} is a database, whose rows are a table; give it as `file`",
                                   shown_address(path)));
    }
    if (kind->once && !alone) refuse_read_once(path);
    GetFile& get = (*opened)[kind->name];
    if (!get) get = kind->files();
    return {shown_address(path), {{get(path), "", shown_address(path)}}};
  };
}

}  // namespace convoy
