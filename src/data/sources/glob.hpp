#pragma once
// Patterns of file names: `*` any text, `?` one character, `[a-z]` one of these, `[!a-z]` none of
// these (POSIX.1-2017, Shell & Utilities, 2.13). Own matching, as the system's depends on the
// locale and workers may have different ones.
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace convoy {

bool has_wildcard(std::string_view text);

/// Whether a name without '/' fits. A '.' at its begin must be there in the pattern too.
bool glob_matches(std::string_view pattern, std::string_view name);

/// The files that fit a pattern, in the order of their bytes. A part of the path that exists as it
/// is stands for itself. Folders and manifests are left out.
std::vector<std::filesystem::path> glob(const std::filesystem::path& pattern);

/// The folder above the first part of the path that is a pattern, and the parts from there on.
struct GlobParts {
  std::filesystem::path folder;
  std::vector<std::string> patterns;
};
GlobParts split_glob(const std::filesystem::path& pattern);

}  // namespace convoy
