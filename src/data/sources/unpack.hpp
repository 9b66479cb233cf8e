#pragma once
// Archives of packages, which are anybody's: nothing in them may get out of the folder they are
// unpacked into.
#include <filesystem>
#include <string>

namespace convoy {

/// Unpacks a zip archive; `strip`: without the first folder of each path. `name` is for messages.
/// Throws InputError for paths that lead out of the folder, or are there twice; DataError for
/// damaged archives; IoError.
void unpack_zip(const std::filesystem::path& archive, const std::filesystem::path& into, bool strip,
                const std::string& name);

/// Throws InputError when a symbolic link below the folder leads out of it.
void refuse_links_out(const std::filesystem::path& folder, const std::string& name);

}  // namespace convoy
