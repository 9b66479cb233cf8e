#pragma once
// Packages of data.
#include <filesystem>
#include <string>

#pragma GCC visibility push(default)

namespace convoy {

/// Makes a package ("npm:PACKAGE@VERSION"; sources() that give packages) available and returns its
/// folder (under $CONVOY_CACHE, else $XDG_CACHE_HOME/convoy, else ~/.cache/convoy). Nothing is run
/// and nothing contacted when it is already there. Safe to call from several threads and processes
/// at once: one downloads, the others wait for it. Throws InputError (no such package, no tool, no
/// network) and IoError (the cache cannot be written).
std::filesystem::path fetch_package(const std::string& source);

}  // namespace convoy

#pragma GCC visibility pop
