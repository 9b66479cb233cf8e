#include "data/records/writer.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <stdio.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "convoy/core/checksum.hpp"
#include "convoy/core/error.hpp"
#include "convoy/core/file.hpp"
#include "core/system_calls.hpp"

namespace convoy {
namespace {

namespace fs = std::filesystem;

[[noreturn]] void fail_writing(const fs::path& path, std::string_view action, int error) {
  throw IoError(fmt::format("{}: cannot {}: {}", path.string(), action, std::strerror(error)));
}

void sync_folder(const fs::path& folder) {
  const Descriptor descriptor(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (descriptor.get() < 0 || system_call::sync(descriptor.get(), folder) != 0)
    fail_writing(folder, "sync the folder", errno);
}

fs::path parent_folder(const fs::path& path) {
  return path.has_parent_path() ? path.parent_path() : ".";
}

std::uint64_t checksum_of_chunks(const ManifestFile& file) {
  return xxh3(std::as_bytes(std::span(file.chunks)));
}

}  // namespace

RecordWriter::RecordWriter(const fs::path& folder, RecordPart& part, std::uint64_t shard_bytes,
                           Manifest& manifest)
    : folder_(folder), part_(part), manifest_(manifest) {
  part_.samples = 0;
  part_.shards.clear();
  const std::uint64_t room =
      shard_bytes - std::min<std::uint64_t>(shard_bytes, record_header_bytes);
  part_.shard_samples =
      std::max<std::int64_t>(1, static_cast<std::int64_t>(room / part_.record_bytes));
  chunk_.reserve(manifest_chunk_bytes);
  make_directories((folder_ / part_.shard_file(0)).parent_path());
}

void RecordWriter::add(std::span<const std::byte> records) {
  while (!records.empty()) {
    if (!descriptor_) open_shard();
    const auto here =
        std::min<std::size_t>(records.size() / part_.record_bytes,
                              static_cast<std::size_t>(part_.shard_samples - shard_samples_));
    append(records.first(here * part_.record_bytes));
    records = records.subspan(here * part_.record_bytes);
    shard_samples_ += static_cast<std::int64_t>(here);
    if (shard_samples_ == part_.shard_samples) close_shard();
  }
}

void RecordWriter::finish() {
  if (descriptor_) close_shard();
  sync_folder((folder_ / part_.shard_file(0)).parent_path());
}

void RecordWriter::open_shard() {
  const std::string name = part_.shard_file(part_.shards.size());
  file_ = folder_ / name;
  const int descriptor =
      system_call::open(file_, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, /*mode=*/0644);
  if (descriptor < 0) fail_writing(file_, "create", errno);
  descriptor_.emplace(descriptor);
  entry_ = {name, 0, {}};
  shard_samples_ = 0;
  first_.clear();
  chunk_.assign(record_header_bytes, std::byte{0});
}

void RecordWriter::close_shard() {
  const bool one_chunk = first_.empty();
  if (!one_chunk && !chunk_.empty()) flush_chunk();
  std::vector<std::byte>& first = one_chunk ? chunk_ : first_;
  const std::vector<std::byte> header = format_record_header(part_, shard_samples_, part_.samples);
  std::copy(header.begin(), header.end(), first.begin());
  seek(0);
  write(first);
  entry_.bytes += first.size();
  entry_.chunks.insert(entry_.chunks.begin(), xxh3(first));
  if (system_call::sync(descriptor_->get(), file_) != 0) fail_writing(file_, "sync", errno);
  if (system_call::close(descriptor_->release(), file_) != 0) fail_writing(file_, "close", errno);
  descriptor_.reset();
  part_.samples += shard_samples_;
  part_.shards.push_back({shard_samples_, entry_.bytes, checksum_of_chunks(entry_)});
  manifest_.files.push_back(std::move(entry_));
}

void RecordWriter::append(std::span<const std::byte> bytes) {
  while (!bytes.empty()) {
    const std::size_t room = manifest_chunk_bytes - chunk_.size();
    const auto piece = bytes.first(std::min(room, bytes.size()));
    chunk_.insert(chunk_.end(), piece.begin(), piece.end());
    bytes = bytes.subspan(piece.size());
    if (chunk_.size() < manifest_chunk_bytes) continue;
    if (first_.empty()) {
      first_ = chunk_;
      chunk_.clear();
      seek(manifest_chunk_bytes);
    } else {
      flush_chunk();
    }
  }
}

void RecordWriter::flush_chunk() {
  write(chunk_);
  entry_.bytes += chunk_.size();
  entry_.chunks.push_back(xxh3(chunk_));
  chunk_.clear();
}

void RecordWriter::write(std::span<const std::byte> bytes) {
  while (!bytes.empty()) {
    const ssize_t written = system_call::write(descriptor_->get(), bytes, file_);
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) fail_writing(file_, "write", written < 0 ? errno : EIO);
    bytes = bytes.subspan(static_cast<std::size_t>(written));
  }
}

void RecordWriter::seek(std::uint64_t at) {
  if (::lseek(descriptor_->get(), static_cast<off_t>(at), SEEK_SET) < 0)
    fail_writing(file_, "write", errno);
}

RecordFolder::RecordFolder(fs::path target, bool replace)
    : target_(std::move(target)), replace_(replace) {
  if (!target_.has_filename()) target_ = target_.parent_path();
  std::error_code ignored;
  if (fs::exists(fs::symlink_status(target_, ignored))) {
    if (!replace)
      throw InputError(
          fmt::format("{}: exists already; write somewhere else, or replace it with "
                      "--force",
                      target_.string()));
    if (!is_record_folder(target_) || fs::is_symlink(target_))
      throw InputError(
          fmt::format("{}: is not a folder of prepared data, so --force does not "
                      "replace it; remove it yourself, or write somewhere else",
                      target_.string()));
  }
  make_directories(parent_folder(target_));
  temporary_.emplace(parent_folder(target_), ".prepare-");
  fresh_ = temporary_->path() / "fresh";
  make_directories(fresh_);
}

std::unique_ptr<RecordWriter> RecordFolder::add_part(RecordPart& part, std::uint64_t shard_bytes) {
  return std::make_unique<RecordWriter>(fresh_, part, shard_bytes, manifest_);
}

void RecordFolder::commit(const RecordIndex& index) {
  const std::string text = format_record_index(index);
  const auto bytes = std::as_bytes(std::span(text.data(), text.size()));
  write_file_atomically(fresh_ / record_index_name, text);
  ManifestFile entry{record_index_name, text.size(), {}};
  for (std::size_t at = 0; at < text.size(); at += manifest_chunk_bytes) {
    entry.chunks.push_back(
        xxh3(bytes.subspan(at, std::min<std::size_t>(manifest_chunk_bytes, text.size() - at))));
  }
  manifest_.files.push_back(std::move(entry));
  std::sort(manifest_.files.begin(), manifest_.files.end(),
            [](const ManifestFile& a, const ManifestFile& b) { return a.path < b.path; });
  write_manifest(fresh_, manifest_);
  std::error_code ignored;
  const bool exchange = replace_ && fs::exists(target_, ignored);
  // What is replaced goes away with the temporary folder.
  const unsigned flags = exchange ? RENAME_EXCHANGE : RENAME_NOREPLACE;
  int status = ::renameat2(AT_FDCWD, fresh_.c_str(), AT_FDCWD, target_.c_str(), flags);
  if (status != 0 && (errno == EINVAL || errno == ENOSYS)) {  // not on this file system
    if (exchange) status = ::rename(target_.c_str(), (temporary_->path() / "old").c_str());
    if (!exchange || status == 0) status = ::rename(fresh_.c_str(), target_.c_str());
  }
  if (status != 0) fail_writing(target_, "move the prepared data there", errno);
  sync_folder(parent_folder(target_));
  temporary_.reset();
}

}  // namespace convoy
