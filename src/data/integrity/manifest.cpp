#include "convoy/data/integrity/manifest.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "convoy/core/checksum.hpp"
#include "convoy/core/error.hpp"
#include "convoy/core/file.hpp"
#include "data/integrity/chunks.hpp"
#include "data/integrity/json_checksum.hpp"

namespace convoy {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

constexpr const char* format_name = "convoy-manifest";
constexpr int format_version = 1;

std::uint64_t from_hex(const std::string& text) {
  const auto checksum = checksum_from_text(text);
  if (!checksum) throw InputError("a checksum that is none");
  return *checksum;
}

/// Whether a path stays below the folder: a manifest may come from anywhere.
bool stays_below(const std::string& path) {
  const fs::path given(path);
  return !path.empty() && !given.is_absolute() && given.lexically_normal() == given &&
         *given.begin() != ".." && given != "." && path.find('\0') == path.npos &&
         given.has_filename();
}

ManifestFile read_entry(const Json& entry) {
  ManifestFile file;
  file.path = entry.at("path").get<std::string>();
  file.bytes = entry.at("bytes").get<std::uint64_t>();
  for (const Json& checksum : entry.at("xxh3"))
    file.chunks.push_back(from_hex(checksum.get<std::string>()));
  if (!stays_below(file.path)) throw InputError("a path that leaves the folder");
  if (file.chunks.size() !=
      file.bytes / manifest_chunk_bytes + (file.bytes % manifest_chunk_bytes > 0 ? 1 : 0))
    throw InputError("a file whose size does not fit its checksums");
  return file;
}

Manifest parse(std::string_view text) {
  // Deeper than a manifest is: writing JSON recurses. What is left out spoils the checksum.
  const auto shallow = [](int depth, Json::parse_event_t, Json&) { return depth < 8; };
  const Json json = Json::parse(text, shallow);
  if (json.at("format") != format_name) throw InputError("it is not a manifest of convoy");
  if (json.at("checksum") != own_checksum(json)) throw InputError("its own checksum is wrong");
  if (json.at("version") != format_version || json.at("chunk_bytes") != manifest_chunk_bytes)
    throw InputError("it was written by another version of convoy");
  Manifest manifest;
  if (json.contains("source")) manifest.source = json.at("source").get<std::string>();
  if (json.contains("archive")) manifest.archive = json.at("archive").get<std::string>();
  for (const Json& entry : json.at("files")) manifest.files.push_back(read_entry(entry));
  const auto before = [](const ManifestFile& a, const ManifestFile& b) { return a.path < b.path; };
  std::sort(manifest.files.begin(), manifest.files.end(), before);
  return manifest;
}

}  // namespace

const ManifestFile* Manifest::find(const std::string& path) const {
  const auto found =
      std::lower_bound(files.begin(), files.end(), path,
                       [](const ManifestFile& file, const auto& p) { return file.path < p; });
  return found != files.end() && found->path == path ? &*found : nullptr;
}

Manifest make_manifest(const fs::path& folder, const std::string& source) {
  Manifest manifest;
  manifest.source = source;
  for (const std::string& path : files_below(folder)) {
    ManifestFile file;
    file.path = path;
    ChunkReader reader(folder / path);
    while (reader.next()) {
      file.bytes += reader.chunk().size();
      file.chunks.push_back(xxh3(reader.chunk()));
    }
    manifest.files.push_back(std::move(file));
  }
  return manifest;
}

std::string format_manifest(const Manifest& manifest) {
  Json json = {{"format", format_name}, {"version", format_version}};
  if (!manifest.source.empty()) json["source"] = manifest.source;
  if (!manifest.archive.empty()) json["archive"] = manifest.archive;
  json["chunk_bytes"] = manifest_chunk_bytes;
  json["files"] = Json::array();
  for (const ManifestFile& file : manifest.files) {
    std::vector<std::string> checksums;
    for (const std::uint64_t chunk : file.chunks) checksums.push_back(checksum_text(chunk));
    json["files"].push_back({{"path", file.path}, {"bytes", file.bytes}, {"xxh3", checksums}});
  }
  json["checksum"] = own_checksum(json);
  return json.dump(1) + "\n";
}

Manifest parse_manifest(std::string_view text, const std::string& name) {
  try {
    return parse(text);
  } catch (const InputError& error) {
    throw DataError(name, fmt::format("is damaged ({})", error.what()));
  } catch (const Json::exception&) {
    throw DataError(name, "is damaged (it is not a whole list of files and checksums)");
  }
}

void write_manifest(const fs::path& folder, const Manifest& manifest) {
  write_file_atomically(folder / manifest_name, format_manifest(manifest));
}

Manifest read_manifest(const fs::path& folder) {
  const fs::path file = folder / manifest_name;
  if (!fs::exists(file)) {
    throw DataError(folder.string(),
                    fmt::format("no {} here; write one of files that are known to be good with "
                                "`convoy data manifest {}`",
                                manifest_name, folder.string()));
  }
  return parse_manifest(read_text_file(file), file.string());
}

fs::path folder_of_manifest(const fs::path& file) {
  const fs::path whole = fs::absolute(file).lexically_normal();
  std::error_code error;
  for (fs::path folder = whole.parent_path();; folder = folder.parent_path()) {
    if (fs::exists(folder / manifest_name, error)) return folder;
    if (folder == folder.root_path() || folder.empty()) return {};
  }
}

}  // namespace convoy
