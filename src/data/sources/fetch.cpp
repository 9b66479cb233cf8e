// Declared in data/sources/package.hpp.
// Packages of data in the cache, whichever registry they come from.
#include "convoy/data/sources/fetch.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "convoy/core/error.hpp"
#include "convoy/core/file.hpp"
#include "convoy/data/integrity/manifest.hpp"
#include "data/formats/csv_lexer.hpp"
#include "data/sources/address.hpp"
#include "data/sources/cache.hpp"
#include "data/sources/package.hpp"

namespace convoy {

namespace fs = std::filesystem;

namespace {

PackageAddress parse_source(const std::string& source) {
  if (auto package = find_package(source)) return *std::move(package);
  throw InputError(fmt::format("data.fetch: {} is not a package; write {}", in_quotes(source),
                               alternatives(source_addresses(Gives::package))));
}

/// Downloads and unpacks into directory/unpacked. Returns what was taken.
std::string fetch_below(const fs::path& directory, const PackageAddress& package,
                        const std::string& source) {
  const PackageRequest request{source, package.spec, directory, directory / "unpacked"};
  fs::create_directory(request.into);
  return package.kind->unpack(request);
}

Manifest manifest_of_package(const fs::path& folder, const std::string& source,
                             std::string archive) {
  Manifest manifest = make_manifest(folder, source);
  manifest.archive = std::move(archive);
  return manifest;
}

/// Downloads beside `place` and moves it there whole, with its manifest.
void fetch_into(const fs::path& place, const PackageAddress& package, const std::string& source) {
  fmt::print(stderr, "fetching {} ...\n", source);
  const TemporaryFolder temporary(place.parent_path(), ".fetch-");
  std::string archive = fetch_below(temporary.path(), package, source);
  const fs::path unpacked = temporary.path() / "unpacked";
  write_manifest(unpacked, manifest_of_package(unpacked, source, std::move(archive)));
  std::error_code error;
  fs::rename(unpacked, place, error);
  // Where locks do not work another may have put the same package there, which is as good.
  if (error && !fs::exists(place)) {
    throw IoError(
        fmt::format("{}: cannot move the package into place: {}", place.string(), error.message()));
  }
}

std::string folder_name(const PackageAddress& package) {
  std::string name = package.spec;
  std::replace(name.begin(), name.end(), '/', '+');
  return name;
}

fs::path place_of(const PackageAddress& package) {
  return cache_directory() / package.kind->name / folder_name(package);
}

std::unique_ptr<CacheLock> lock_package(const PackageAddress& package, const std::string& source) {
  const fs::path locks = cache_directory() / "locks";
  require_writable_cache(locks);
  require_writable_cache(place_of(package).parent_path());
  return std::make_unique<CacheLock>(
      locks / fmt::format("{}-{}", package.kind->name, folder_name(package)), source);
}

/// A '+' in a folder's name is one of the package's own, or stands for the '/' of npm's
/// "@scope/name".
std::optional<std::string> package_named(const SourceKind& kind, std::string spec) {
  if (kind.is_package(spec)) return kind.schemes.at(0) + spec;
  const std::size_t plus = spec.find('+');
  if (plus == spec.npos) return std::nullopt;
  spec[plus] = '/';
  if (!kind.is_package(spec)) return std::nullopt;
  return kind.schemes.at(0) + spec;
}

}  // namespace

fs::path fetch_package(const std::string& source) {
  const PackageAddress package = parse_source(source);
  const fs::path place = place_of(package);
  if (fs::exists(place)) return place;
  const auto lock = lock_package(package, source);
  if (fs::exists(place)) return place;  // fetched while this one waited
  lock->fetch_once([&] { fetch_into(place, package, source); });
  return place;
}

fs::path package_folder(const std::string& source) {
  return place_of(parse_source(source));
}

std::optional<std::string> package_of_folder(const fs::path& folder) {
  fs::path cache;
  try {
    cache = fs::weakly_canonical(cache_directory());
  } catch (const InputError&) {
    return std::nullopt;  // there is no place for a cache
  }
  const fs::path place = fs::weakly_canonical(folder);
  for (const auto& [name, kind] : sources().all()) {
    if (kind.gives == Gives::package && place.parent_path() == cache / name)
      return package_named(kind, place.filename().string());
  }
  return std::nullopt;
}

PackageCopy::PackageCopy(std::string source)
    : source_(std::move(source)), lock_(lock_package(parse_source(source_), source_)) {}

PackageCopy::~PackageCopy() = default;

const fs::path& PackageCopy::folder() {
  if (!failure_.empty()) throw InputError(failure_);
  if (!folder_.empty()) return folder_;
  try {
    lock_->fetch_once([&] {
      const PackageAddress package = parse_source(source_);
      fmt::print(stderr, "fetching {} again ...\n", source_);
      temporary_ = std::make_unique<TemporaryFolder>(place_of(package).parent_path(), ".fetch-");
      archive_ = fetch_below(temporary_->path(), package, source_);
    });
  } catch (const InputError& error) {
    failure_ = error.what();
    throw;
  }
  return folder_ = temporary_->path() / "unpacked";
}

Manifest PackageCopy::manifest() {
  const fs::path& unpacked = folder();
  return manifest_of_package(unpacked, source_, archive_);
}

}  // namespace convoy
