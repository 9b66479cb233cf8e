#pragma once
// The manifest of a folder of data: what each file should be, so that damage is found, located and,
// where a good copy exists, repaired.
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#pragma GCC visibility push(default)

namespace convoy {

/// A manifest is a file of this name in the folder: JSON
///   {"format": "convoy-manifest", "version": 1, "source": "npm:..." (packages only),
///    "archive": "x.whl, sha256 ..." (packages whose registry says so),
///    "chunk_bytes": 4194304,
///    "files": [{"path": "a/b", "bytes": 5000000, "xxh3": ["...", "..."]}],
///    "checksum": "..."}
/// `xxh3` holds 64-bit XXH3 checksums in hex, one for each chunk of the file, and `checksum` that
/// of everything before it, written without blanks.
inline constexpr const char* manifest_name = "convoy-manifest.json";
inline constexpr std::uint64_t manifest_chunk_bytes = 4 << 20;

struct ManifestFile {
  std::string path;  ///< below the folder, with '/'
  std::uint64_t bytes = 0;
  std::vector<std::uint64_t> chunks;  ///< checksums
};

struct Manifest {
  std::string source;               ///< the package that the folder was fetched from, or empty
  std::string archive;              ///< what was downloaded for it, and its digest, or empty
  std::vector<ManifestFile> files;  ///< sorted by path
  const ManifestFile* find(const std::string& path) const;
};

/// Reads every regular file below the folder, those that symbolic links lead to included, and the
/// manifest itself excepted. Throws DataError when one cannot be read.
Manifest make_manifest(const std::filesystem::path& folder, const std::string& source = "");

/// The text of the file, and back. Reading throws DataError naming `name`; any flipped bit that
/// changes the meaning is found.
std::string format_manifest(const Manifest& manifest);
Manifest parse_manifest(std::string_view text, const std::string& name);

/// Replaces the folder's manifest, atomically. Throws IoError.
void write_manifest(const std::filesystem::path& folder, const Manifest& manifest);

/// Throws DataError when there is none, or it is damaged.
Manifest read_manifest(const std::filesystem::path& folder);

/// How a file differs from its manifest.
struct FileProblem {
  enum class Kind { missing, added, truncated, too_long, changed, unreadable };
  std::string path;
  Kind kind = Kind::changed;
  std::uint64_t expected_bytes = 0;
  std::uint64_t bytes = 0;
  /// The first damaged chunk that is there (changed), or what is missing (truncated) or too much
  /// (too_long); last_byte is inclusive. Both 0 for missing, added and unreadable files.
  std::uint64_t first_byte = 0;
  std::uint64_t last_byte = 0;
  std::string reason;     ///< unreadable: what the system says
  bool repaired = false;  ///< by repair_folder
  std::string outcome;    ///< of repair_folder: from where, or why not

  /// "changed in bytes 4194304 to 8388607 of 47040016".
  std::string text() const;
};
std::string_view name_of(FileProblem::Kind kind);

/// Compares a file's size and, if `checksums`, its content with the manifest.
std::optional<FileProblem> check_file(const std::filesystem::path& folder, const ManifestFile& file,
                                      bool checksums = true);

struct Verification {
  std::size_t files = 0;    ///< that were looked at, missing ones included
  std::uint64_t bytes = 0;  ///< that they should have
  std::vector<FileProblem> problems;
};

/// Compares all files of the folder with the manifest. `only`: this file alone, as its path below
/// the folder. Throws DataError when it is not in the manifest.
Verification verify_folder(const std::filesystem::path& folder, const Manifest& manifest,
                           const std::string& only = "");

/// Repairs what can be repaired of `problems`, file by file and atomically: from `copy`, another
/// folder with the same files (empty: none), else by fetching the package again. Files are only
/// taken where they are exactly what the manifest says. Says in each problem what came of it.
/// Throws IoError when the folder cannot be written. Safe while others repair the same package.
void repair_folder(const std::filesystem::path& folder, const Manifest& manifest,
                   std::vector<FileProblem>& problems, const std::filesystem::path& copy = {});

/// The manifest of a cached package whose own is missing or damaged, from the package, fetched
/// again; writes it. Throws InputError when `folder` is no cached package or it cannot be fetched.
Manifest restore_manifest(const std::filesystem::path& folder);

/// The nearest folder above `file` that has a manifest; empty when there is none.
std::filesystem::path folder_of_manifest(const std::filesystem::path& file);

}  // namespace convoy

#pragma GCC visibility pop
