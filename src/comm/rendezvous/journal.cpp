#include "comm/rendezvous/journal.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <span>
#include <utility>
#include <vector>

#include "comm/rendezvous/wire.hpp"
#include "convoy/core/checksum.hpp"
#include "convoy/core/error.hpp"
#include "convoy/core/file.hpp"
#include "core/system_calls.hpp"

namespace convoy::rendezvous {
namespace {

constexpr std::string_view journal_magic = "CONVOYJ1";  // the last character is the version
constexpr std::size_t header_size = 16;
constexpr std::uint8_t set_kind = 1;
constexpr std::uint8_t remove_kind = 2;
// Rewritten when it is this many times as large as it needs to be, but not for trifles.
constexpr std::uint64_t growth = 4;
constexpr std::uint64_t smallest_limit = std::uint64_t{1} << 20;

[[noreturn]] void fail(const std::filesystem::path& file, std::string_view action) {
  throw IoError(fmt::format("{}: cannot {}: {}", file.string(), action, std::strerror(errno)));
}

std::span<const std::byte> bytes_of(std::string_view text) {
  return std::as_bytes(std::span(text.data(), text.size()));
}

// Of the header's other fields.
std::uint32_t header_check(std::uint32_t size, std::uint64_t checksum) {
  BodyWriter fields;
  fields.u32(size).u64(checksum);
  return static_cast<std::uint32_t>(xxh3(bytes_of(fields.body())));
}

std::string record_of(const BodyWriter& body) {
  const std::uint64_t checksum = xxh3(bytes_of(body.body()));
  const auto size = static_cast<std::uint32_t>(body.body().size());
  BodyWriter record;
  record.u32(size).u32(header_check(size, checksum)).u64(checksum).raw(body.body());
  return record.body();
}

std::string set_record(std::string_view key, std::string_view value) {
  return record_of(BodyWriter().u8(set_kind).text(key).text(value));
}

void replay_body(std::string_view bytes, const Journal::Visit& replay) {
  BodyReader body(bytes);
  const std::uint8_t kind = body.u8();
  const std::string key = body.text();
  if (key.empty() || key.size() > max_key) throw ProtocolError("a key has a wrong size");
  if (kind == set_kind)
    replay(key, body.text());
  else if (kind == remove_kind)
    replay(key, std::nullopt);
  else
    throw ProtocolError("a record is of an unknown kind");
  if (!body.at_end()) throw ProtocolError("a record is longer than its fields");
}

void replay_all(std::string_view bytes, const std::filesystem::path& file,
                const Journal::Visit& replay) {
  std::size_t at = 0;
  const auto damaged = [&](std::string_view problem) {
    return InputError(
        fmt::format("{}, byte {}: {}; restore the journal, or remove it to begin with no keys",
                    file.string(), at, problem));
  };
  const std::size_t known = std::min(bytes.size(), journal_magic.size());
  if (bytes.substr(0, known) != journal_magic.substr(0, known))
    throw damaged("not the journal of a rendezvous of this version of Convoy");
  for (at = known; bytes.size() - at >= header_size;) {
    BodyReader header(bytes.substr(at, header_size));
    const std::uint32_t size = header.u32(), check = header.u32();
    const std::uint64_t checksum = header.u64();
    if (check != header_check(size, checksum)) throw damaged("damaged");
    if (bytes.size() - at - header_size < size) return;  // it was killed while it wrote this one
    const std::string_view body = bytes.substr(at + header_size, size);
    if (xxh3(bytes_of(body)) != checksum) throw damaged("damaged");
    try {
      replay_body(body, replay);
    } catch (const ProtocolError& error) {
      throw damaged(error.what());
    }
    at += header_size + size;
  }
}

}  // namespace

Journal::Journal(std::filesystem::path file, const Visit& replay) : file_(std::move(file)) {
  std::error_code problem;
  const auto status = std::filesystem::status(file_, problem);
  if (status.type() == std::filesystem::file_type::not_found) return;
  const MappedFile content(file_);
  replay_all(content.text(), file_, replay);
}

void Journal::set(std::string_view key, std::string_view value) {
  append(set_record(key, value));
}

void Journal::remove(std::string_view key) {
  append(record_of(BodyWriter().u8(remove_kind).text(key)));
}

void Journal::append(std::string_view record) {
  if (!out_) open();
  if (torn_ && ::ftruncate(out_->get(), static_cast<off_t>(size_)) != 0) fail(file_, "cut");
  torn_ = true;
  for (std::string_view rest = record; !rest.empty();) {
    const auto written = system_call::write(out_->get(), bytes_of(rest), file_);
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) fail(file_, "write");
    rest.remove_prefix(static_cast<std::size_t>(written));
  }
  torn_ = false;
  size_ += record.size();
}

void Journal::rewrite(const ForEach& for_each) {
  std::vector<std::string> records = {std::string(journal_magic)};
  for_each([&](std::string_view key, std::optional<std::string_view> value) {
    records.push_back(set_record(key, value.value_or("")));
  });
  std::vector<std::span<const std::byte>> parts;
  std::uint64_t size = 0;
  for (const std::string& record : records) {
    parts.push_back(bytes_of(record));
    size += record.size();
  }
  limit_ = std::max(smallest_limit, growth * std::max(size, size_));  // if it fails: not soon again
  // Whichever file is in place afterwards, the old one or the new: it goes on in that one.
  out_.reset();
  write_file_atomically(file_, parts);
  limit_ = std::max(smallest_limit, growth * size);
  open();
}

void Journal::open() {
  out_.emplace(system_call::open(file_, O_WRONLY | O_APPEND | O_CLOEXEC));
  struct stat status {};
  if (out_->get() < 0 || ::fstat(out_->get(), &status) != 0) {
    out_.reset();
    fail(file_, "open");
  }
  size_ = static_cast<std::uint64_t>(status.st_size);
  torn_ = false;
}

}  // namespace convoy::rendezvous
