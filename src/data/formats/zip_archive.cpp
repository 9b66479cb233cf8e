#include "data/formats/zip_archive.hpp"

#include <fmt/format.h>
#include <zip.h>

#include <algorithm>

#include "convoy/core/error.hpp"
#include "data/formats/csv_lexer.hpp"
#include "data/formats/gzip.hpp"

namespace convoy {
namespace {

/// A byte of deflate stands for at most this many (RFC 1951: a match of 258 bytes takes two bits).
constexpr std::uint64_t most_inflation = 1032;

struct CloseMember {
  void operator()(zip_file_t* member) const { zip_fclose(member); }
};

std::string text_of(zip_error_t* error) {
  std::string text = zip_error_strerror(error);
  zip_error_fini(error);
  return text;
}

/// Throws DataError when the member's size cannot be what the archive says.
void require_possible(const zip_stat_t& status, std::size_t archive_size, const std::string& name) {
  constexpr zip_uint64_t needed = ZIP_STAT_SIZE | ZIP_STAT_COMP_SIZE | ZIP_STAT_COMP_METHOD;
  if ((status.valid & needed) != needed) throw DataError(name, "its size is not in the archive");
  if ((status.valid & ZIP_STAT_ENCRYPTION_METHOD) != 0 && status.encryption_method != ZIP_EM_NONE)
    throw DataError(name, "is encrypted; save it without a password");
  const bool stored = status.comp_method == ZIP_CM_STORE;
  if (!stored && status.comp_method != ZIP_CM_DEFLATE) {
    throw DataError(name, fmt::format("is compressed with method {}; stored and deflated members "
                                      "can be read",
                                      status.comp_method));
  }
  const bool fits = status.comp_size <= archive_size &&
                    status.size <= (stored ? status.comp_size : status.comp_size * most_inflation);
  if (!fits) {
    throw DataError(name, fmt::format("claims {} bytes, which an archive of {} cannot hold",
                                      status.size, archive_size));
  }
  if (status.size > largest_unpacked)
    throw DataError(name, fmt::format("unpacks to more than {} bytes", largest_unpacked));
}

}  // namespace

bool is_zip(std::span<const std::byte> bytes) {
  const std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  return text.starts_with("PK\x03\x04") || text.starts_with("PK\x05\x06");
}

void ZipArchive::Discard::operator()(zip* archive) const {
  zip_discard(archive);
}

ZipArchive::ZipArchive(std::span<const std::byte> bytes, std::string name)
    : bytes_(bytes), name_(std::move(name)) {
  // libzip takes an empty file for an empty archive.
  if (!is_zip(bytes)) throw DataError(name_, "is not a zip archive");
  zip_error_t error;
  zip_error_init(&error);
  zip_source_t* const source =
      zip_source_buffer_create(bytes_.data(), bytes_.size(), /*freep=*/0, &error);
  if (source == nullptr)
    throw DataError(name_, fmt::format("cannot be read as a zip archive: {}", text_of(&error)));
  archive_.reset(zip_open_from_source(source, ZIP_RDONLY, &error));
  if (!archive_) {
    zip_source_free(source);
    throw DataError(name_, fmt::format("is not a zip archive that can be read ({}): truncated or "
                                       "damaged",
                                       text_of(&error)));
  }
  zip_error_fini(&error);
  const zip_int64_t count = zip_get_num_entries(archive_.get(), 0);
  for (zip_int64_t i = 0; i < count; ++i) {
    const char* const member =
        zip_get_name(archive_.get(), static_cast<zip_uint64_t>(i), ZIP_FL_ENC_RAW);
    names_.emplace_back(member != nullptr ? member : "");
  }
}

std::size_t ZipArchive::find(std::string_view name) const {
  const auto found = std::find(names_.begin(), names_.end(), name);
  return found == names_.end() ? none : static_cast<std::size_t>(found - names_.begin());
}

std::vector<std::byte> ZipArchive::read(std::size_t member) const {
  const std::string name = fmt::format("{}, member {}", name_, in_quotes(names_[member]));
  const auto damaged = [&](const char* reason) {
    return DataError(name, fmt::format("truncated or damaged ({})", reason));
  };
  zip_stat_t status;
  zip_stat_init(&status);
  if (zip_stat_index(archive_.get(), member, 0, &status) != 0)
    throw damaged(zip_strerror(archive_.get()));
  require_possible(status, bytes_.size(), name);
  const std::unique_ptr<zip_file_t, CloseMember> file(zip_fopen_index(archive_.get(), member, 0));
  if (!file) throw damaged(zip_strerror(archive_.get()));
  std::vector<std::byte> out(status.size);
  std::size_t at = 0;
  while (at < out.size()) {
    const zip_int64_t n = zip_fread(file.get(), out.data() + at, out.size() - at);
    if (n < 0) throw damaged(zip_file_strerror(file.get()));
    if (n == 0) throw damaged("it ends too early");
    at += static_cast<std::size_t>(n);
  }
  std::byte more;  // the checksum is compared at the end
  const zip_int64_t rest = zip_fread(file.get(), &more, 1);
  if (rest < 0) throw damaged(zip_file_strerror(file.get()));
  if (rest > 0) throw damaged("it is longer than the archive says");
  return out;
}

}  // namespace convoy
