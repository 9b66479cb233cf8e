// Declared in convoy/data/integrity/manifest.hpp.
#include <fmt/format.h>

#include <algorithm>

#include "convoy/core/checksum.hpp"
#include "convoy/core/error.hpp"
#include "convoy/core/file.hpp"
#include "convoy/data/integrity/manifest.hpp"
#include "data/integrity/chunks.hpp"

namespace convoy {
namespace {

namespace fs = std::filesystem;
using Kind = FileProblem::Kind;

}  // namespace

std::string_view name_of(Kind kind) {
  switch (kind) {
    case Kind::missing:
      return "missing";
    case Kind::added:
      return "added";
    case Kind::truncated:
      return "truncated";
    case Kind::too_long:
      return "too long";
    case Kind::changed:
      return "changed";
    case Kind::unreadable:
      return "unreadable";
  }
  return "?";
}

std::string FileProblem::text() const {
  switch (kind) {
    case Kind::missing:
      return fmt::format("missing ({} bytes)", expected_bytes);
    case Kind::added:
      return fmt::format("added ({} bytes): the manifest does not name it", bytes);
    case Kind::truncated:
      return fmt::format("truncated: bytes {} to {} of {} are missing", first_byte, last_byte,
                         expected_bytes);
    case Kind::too_long:
      return fmt::format("too long: {} bytes where {} are expected", bytes, expected_bytes);
    case Kind::changed:
      return fmt::format("changed in bytes {} to {} of {}{}", first_byte, last_byte, expected_bytes,
                         bytes == expected_bytes ? "" : fmt::format(", and {} bytes long", bytes));
    case Kind::unreadable:
      return fmt::format("unreadable: {}", reason);
  }
  return "?";
}

std::optional<FileProblem> check_file(const fs::path& folder, const ManifestFile& file,
                                      bool checksums) {
  const fs::path path = folder / file.path;
  FileProblem problem;
  problem.path = file.path;
  problem.expected_bytes = file.bytes;
  std::error_code error;
  if (!fs::exists(path, error) && !error) {
    problem.kind = Kind::missing;
    return problem;
  }
  try {
    ChunkReader reader(path);
    problem.bytes = reader.bytes();
    for (std::size_t i = 0; checksums && i < file.chunks.size() && reader.next(); ++i) {
      const std::uint64_t first = i * manifest_chunk_bytes;
      const std::uint64_t size = std::min(manifest_chunk_bytes, file.bytes - first);
      if (reader.chunk().size() < size) break;  // that it is truncated says more
      if (xxh3(reader.chunk().first(size)) == file.chunks[i]) continue;
      problem.first_byte = first;
      problem.last_byte = first + size - 1;
      return problem;
    }
  } catch (const DataError& unreadable) {
    problem.kind = Kind::unreadable;
    problem.reason = unreadable.what();
    return problem;
  }
  if (problem.bytes == file.bytes) return std::nullopt;
  problem.kind = problem.bytes < file.bytes ? Kind::truncated : Kind::too_long;
  problem.first_byte = std::min(problem.bytes, file.bytes);
  problem.last_byte = std::max(problem.bytes, file.bytes) - 1;
  return problem;
}

Verification verify_folder(const fs::path& folder, const Manifest& manifest,
                           const std::string& only) {
  if (!only.empty() && !manifest.find(only)) {
    throw DataError((folder / only).string(),
                    fmt::format("is not in {}", (folder / manifest_name).string()));
  }
  Verification result;
  for (const ManifestFile& file : manifest.files) {
    if (!only.empty() && file.path != only) continue;
    ++result.files;
    result.bytes += file.bytes;
    if (auto problem = check_file(folder, file)) result.problems.push_back(std::move(*problem));
  }
  if (!only.empty()) return result;
  for (const std::string& path : files_below(folder)) {
    if (manifest.find(path)) continue;
    FileProblem problem;
    problem.path = path;
    problem.kind = Kind::added;
    std::error_code error;
    problem.bytes = fs::file_size(folder / path, error);
    result.problems.push_back(std::move(problem));
  }
  return result;
}

}  // namespace convoy
