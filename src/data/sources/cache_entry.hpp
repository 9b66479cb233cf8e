#pragma once
// A downloaded file in the cache, and what has come of a newer one. Used under the entry's lock.
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

namespace convoy {

/// How a server names a version of a file; either may be empty.
struct HttpVersion {
  std::string etag;
  std::string last_modified;

  /// For If-Range, which takes strong validators only; empty: nothing to go by.
  std::string strong() const;
};

class CacheEntry {
 public:
  CacheEntry(std::filesystem::path folder, const std::string& file_name);

  const std::filesystem::path& folder() const { return folder_; }
  const std::filesystem::path& file() const { return file_; }

  /// What the server said of the cached file; nothing where there is none, or another one than was
  /// written.
  std::optional<HttpVersion> cached() const;

  /// Whether the file is there and has this SHA-256. Reads it.
  bool holds(const std::string& sha256) const;

  struct Partial {
    std::uint64_t bytes = 0;
    HttpVersion version;
  };
  /// What of a newer file is there already, and its version; 0 bytes: nothing.
  Partial partial() const;

  /// Begins a partial file anew. All these throw IoError.
  void begin_partial(const HttpVersion& version);
  /// Adds to it; when the disk is full, what has come is removed.
  void append(std::string_view bytes);
  void remove_partial();
  std::string partial_sha256() const;
  /// The partial file takes the place of the cached one.
  void install();

 private:
  std::filesystem::path folder_, file_, entry_, partial_, partial_entry_;
};

}  // namespace convoy
