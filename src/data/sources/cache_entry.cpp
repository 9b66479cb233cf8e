#include "data/sources/cache_entry.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <nlohmann/json.hpp>

#include "convoy/core/checksum.hpp"
#include "convoy/core/error.hpp"
#include "convoy/core/file.hpp"
#include "core/descriptor.hpp"
#include "core/system_calls.hpp"

namespace convoy {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

[[noreturn]] void fail_entry(const fs::path& path, const char* action, int error) {
  const char* const advice = error == ENOSPC || error == EDQUOT
                                 ? "; make room, or set CONVOY_CACHE to another folder"
                                 : "";
  throw IoError(
      fmt::format("{}: cannot {}: {}{}", path.string(), action, std::strerror(error), advice));
}

/// Nothing where the file is not what was written there.
std::optional<Json> read_version_file(const fs::path& path) {
  std::error_code unknown;
  if (!fs::is_regular_file(path, unknown)) return std::nullopt;
  try {
    Json json = Json::parse(read_text_file(path));
    json.at("etag").get_ref<const std::string&>();
    json.at("last_modified").get_ref<const std::string&>();
    return json;
  } catch (const Json::exception&) {
    return std::nullopt;
  } catch (const DataError&) {
    return std::nullopt;
  }
}

HttpVersion version_of(const Json& json) {
  return {json["etag"].get<std::string>(), json["last_modified"].get<std::string>()};
}

Json json_of(const HttpVersion& version) {
  return {{"etag", version.etag}, {"last_modified", version.last_modified}};
}

void write_version_file(const fs::path& path, const Json& json) {
  write_file_atomically(path, json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n");
}

/// 0 where there is no such file.
std::uint64_t size_of_file(const fs::path& path) {
  std::error_code error;
  const std::uint64_t size = fs::file_size(path, error);
  return error ? 0 : size;
}

std::string sha256_of_file(const fs::path& path) {
  Sha256 hash;
  Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (file.get() < 0) fail_entry(path, "open", errno);
  std::string buffer(1 << 20, '\0');
  while (true) {
    const ssize_t got = ::read(file.get(), buffer.data(), buffer.size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) fail_entry(path, "read", errno);
    if (got == 0) return hash.finish();
    hash.update(std::as_bytes(std::span(buffer.data(), static_cast<std::size_t>(got))));
  }
}

}  // namespace

std::string HttpVersion::strong() const {
  if (!etag.empty()) return etag.starts_with("W/") ? "" : etag;
  return last_modified;
}

CacheEntry::CacheEntry(fs::path folder, const std::string& file_name)
    : folder_(std::move(folder)),
      file_(folder_ / file_name),
      entry_(folder_ / ".entry.json"),
      partial_(folder_ / ".partial"),
      partial_entry_(folder_ / ".partial.json") {}

std::optional<HttpVersion> CacheEntry::cached() const {
  const std::optional<Json> entry = read_version_file(entry_);
  std::error_code unknown;
  if (!entry || !fs::is_regular_file(file_, unknown)) return std::nullopt;
  const auto bytes = entry->find("bytes");
  if (bytes == entry->end() || !bytes->is_number_unsigned() || *bytes != size_of_file(file_))
    return std::nullopt;
  return version_of(*entry);
}

bool CacheEntry::holds(const std::string& sha256) const {
  return cached() && sha256_of_file(file_) == sha256;
}

CacheEntry::Partial CacheEntry::partial() const {
  const std::optional<Json> entry = read_version_file(partial_entry_);
  if (!entry) return {};
  return {size_of_file(partial_), version_of(*entry)};
}

void CacheEntry::begin_partial(const HttpVersion& version) {
  remove_partial();
  const Descriptor file(
      system_call::open(partial_, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644));
  if (file.get() < 0) fail_entry(partial_, "create", errno);
  write_version_file(partial_entry_, json_of(version));
}

void CacheEntry::append(std::string_view bytes) {
  Descriptor file(system_call::open(partial_, O_WRONLY | O_APPEND | O_CLOEXEC));
  if (file.get() < 0) fail_entry(partial_, "open", errno);
  auto left = std::as_bytes(std::span(bytes.data(), bytes.size()));
  while (!left.empty()) {
    const ssize_t written = system_call::write(file.get(), left, partial_);
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) {
      const int error = written < 0 ? errno : EIO;
      remove_partial();  // else a full disk would stay full
      fail_entry(partial_, "write", error);
    }
    left = left.subspan(static_cast<std::size_t>(written));
  }
}

void CacheEntry::remove_partial() {
  ::unlink(partial_entry_.c_str());
  ::unlink(partial_.c_str());
}

std::string CacheEntry::partial_sha256() const {
  return sha256_of_file(partial_);
}

void CacheEntry::install() {
  Json entry = json_of(partial().version);
  entry["bytes"] = size_of_file(partial_);
  const Descriptor file(::open(partial_.c_str(), O_RDONLY | O_CLOEXEC));
  if (file.get() < 0 || system_call::sync(file.get(), partial_) != 0)
    fail_entry(partial_, "sync", errno);
  // A file is never beside the entry of another one.
  if (::unlink(entry_.c_str()) != 0 && errno != ENOENT) fail_entry(entry_, "remove", errno);
  if (system_call::rename(partial_, file_) != 0) fail_entry(file_, "rename into place", errno);
  write_version_file(entry_, entry);
  ::unlink(partial_entry_.c_str());
}

}  // namespace convoy
