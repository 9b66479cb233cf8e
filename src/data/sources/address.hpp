#pragma once
// What a path of a job is: a file, or an address of somewhere else. Nothing is opened here.
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "convoy/data/options.hpp"
#include "convoy/data/sources/source.hpp"

#pragma GCC visibility push(default)  // not public: the command, a library of its own, calls it

namespace convoy {

/// The source whose address this is, by how it begins; null: a file. Packages are no paths.
const SourceKind* source_of(std::string_view path);

/// Whether its rows come from a query.
bool is_database(std::string_view path);

/// The address for messages: without what may be secret. Paths of files as they are.
std::string shown_address(std::string_view path);

/// The path whose name's ending tells the format.
std::string named_file(std::string_view path);

/// Throws InputError when the address can be none of its kind, for any path of a job.
void check_address(const std::string& path);

/// The paths of the job whose source can be read only once.
std::vector<std::string> paths_read_once(const DataOptions& data);

/// A package: which source has it, and what follows its scheme.
struct PackageAddress {
  const SourceKind* kind = nullptr;
  std::string spec;
};

/// Of "npm:PACKAGE@VERSION", say; nothing where it is no package.
std::optional<PackageAddress> find_package(std::string_view text);

/// Whether it begins as a package does.
bool has_package_scheme(std::string_view text);

/// "a, b or c".
std::string alternatives(const std::vector<std::string>& words);

/// For a job of several workers, of which only one could read it: throws InputError.
[[noreturn]] void refuse_read_once(const std::string& path);

}  // namespace convoy

#pragma GCC visibility pop
