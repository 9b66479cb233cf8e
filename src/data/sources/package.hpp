#pragma once
// The cache of fetched packages, for those who look after what is in it.
#include <filesystem>
#include <memory>
#include <optional>
#include <string>

#include "convoy/data/integrity/manifest.hpp"
#include "core/temporary_folder.hpp"

#pragma GCC visibility push(default)  // not public: the command, a library of its own, calls it

namespace convoy {

/// Where a package's files are, or would be. Throws InputError when `source` is not a package.
std::filesystem::path package_folder(const std::string& source);

/// The package whose folder in the cache this is, as a job writes it.
std::optional<std::string> package_of_folder(const std::filesystem::path& folder);

class CacheLock;

/// A package fetched anew, beside the cached one. Waits for others who fetch or repair it.
class PackageCopy {
 public:
  explicit PackageCopy(std::string source);
  ~PackageCopy();
  PackageCopy(const PackageCopy&) = delete;
  PackageCopy& operator=(const PackageCopy&) = delete;

  /// Downloads at the first call. Throws as fetch_package; the same error at each call.
  const std::filesystem::path& folder();

  /// Of what was downloaded.
  Manifest manifest();

 private:
  std::string source_;
  std::unique_ptr<CacheLock> lock_;  // nobody else fetches or repairs it meanwhile
  std::unique_ptr<TemporaryFolder> temporary_;
  std::filesystem::path folder_;
  std::string archive_;
  std::string failure_;
};

}  // namespace convoy

#pragma GCC visibility pop
