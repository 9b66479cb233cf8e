#include "data/sources/unpack.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>

#include "convoy/core/error.hpp"
#include "convoy/core/file.hpp"
#include "data/formats/csv_lexer.hpp"
#include "data/formats/zip_archive.hpp"

namespace convoy {
namespace {

namespace fs = std::filesystem;

/// A relative path of plain names.
bool stays_inside(const std::string& path) {
  if (path.empty() || path.starts_with('/') || path.find('\\') != path.npos) return false;
  const bool printable =
      std::ranges::all_of(path, [](unsigned char c) { return c >= ' ' && c != 0x7f; });
  return printable && std::ranges::none_of(fs::path(path), [](const fs::path& part) {
           return part == ".." || part == ".";
         });
}

void write_unpacked(const fs::path& file, const std::vector<std::byte>& bytes) {
  std::ofstream out(file, std::ios::binary);
  out.write(reinterpret_cast<const char*>(bytes.data()),
            static_cast<std::streamsize>(bytes.size()));
  out.close();
  if (!out)
    throw IoError(fmt::format("{}: cannot be written: {}", file.string(), std::strerror(errno)));
}

}  // namespace

void unpack_zip(const fs::path& archive, const fs::path& into, bool strip,
                const std::string& name) {
  const MappedFile file(archive);
  const ZipArchive zip(file.bytes(), name);
  for (std::size_t i = 0; i < zip.names().size(); ++i) {
    std::string member = zip.names()[i];
    if (!stays_inside(member)) {
      throw InputError(
          fmt::format("{}: holds the path {}, which leads out of its folder; nothing is kept", name,
                      is_utf8(member) ? in_quotes(member) : "of no text"));
    }
    if (strip) {
      const std::size_t slash = member.find('/');
      if (slash == member.npos) continue;  // beside the folder that holds everything
      member.erase(0, slash + 1);
    }
    if (member.empty() || member.ends_with('/')) continue;
    const fs::path target = into / member;
    std::error_code taken;
    fs::create_directories(target.parent_path(), taken);
    if (taken || fs::exists(target))
      throw InputError(fmt::format("{}: holds the path {} twice", name, in_quotes(member)));
    write_unpacked(target, zip.read(i));
  }
}

void refuse_links_out(const fs::path& folder, const std::string& name) {
  const fs::path root = fs::canonical(folder);
  for (const auto& entry : fs::recursive_directory_iterator(root)) {
    if (!entry.is_symlink()) continue;
    const fs::path inside = fs::weakly_canonical(entry.path()).lexically_relative(root);
    if (inside.empty() || *inside.begin() == "..") {
      throw InputError(fmt::format("{}: holds a link out of its folder, {}; nothing is kept", name,
                                   in_quotes(entry.path().lexically_relative(root).string())));
    }
  }
}

}  // namespace convoy
