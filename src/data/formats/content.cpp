#include "data/formats/content.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <optional>

#include "convoy/core/error.hpp"
#include "convoy/core/file.hpp"
#include "convoy/data/formats/formats.hpp"
#include "data/formats/array.hpp"
#include "data/formats/cifar.hpp"
#include "data/formats/columnar.hpp"
#include "data/formats/csv_lexer.hpp"
#include "data/formats/file_names.hpp"
#include "data/formats/gzip.hpp"
#include "data/formats/hdf5.hpp"
#include "data/formats/json_lines.hpp"
#include "data/formats/libsvm.hpp"
#include "data/formats/npz.hpp"
#include "data/formats/torch_file.hpp"
#include "data/formats/zstd.hpp"

namespace convoy {
namespace {

struct FormatName {
  Format format;
  std::string_view key;  // as the job's data.format names it
  std::string_view name;
};

constexpr FormatName format_names[] = {{Format::csv, "csv", "CSV"},
                                       {Format::tsv, "tsv", "TSV"},
                                       {Format::jsonl, "jsonl", "JSON Lines"},
                                       {Format::libsvm, "libsvm", "LIBSVM"},
                                       {Format::parquet, "parquet", "Parquet"},
                                       {Format::arrow, "arrow", "Arrow"},
                                       {Format::idx, "idx", "IDX"},
                                       {Format::npy, "npy", "NPY"},
                                       {Format::npz, "npz", "NPZ"},
                                       {Format::hdf5, "hdf5", "HDF5"},
                                       {Format::pt, "pt", "PT"},
                                       {Format::cifar10, "cifar10", "CIFAR-10"},
                                       {Format::cifar100, "cifar100", "CIFAR-100"}};

std::optional<Format> format_named(std::string_view key) {
  for (const FormatName& known : format_names) {
    if (known.key == key) return known.format;
  }
  return std::nullopt;
}

/// The file's name in small letters, without what says how it is compressed.
std::string unpacked_name(const std::string& path) {
  std::string name = std::filesystem::path(path).filename().string();
  std::transform(name.begin(), name.end(), name.begin(),
                 [](unsigned char c) { return std::tolower(c); });
  if (name.ends_with(".gz")) name.resize(name.size() - 3);
  if (name.ends_with(".zst")) name.resize(name.size() - 4);
  return name;
}

/// A zip archive is NPZ or PT by what is in it.
Format format_of_zip(const Content& content) {
  const ZipArchive archive(content.bytes, content.name);
  if (is_torch_archive(archive)) return Format::pt;
  if (!npz_names(archive).empty()) return Format::npz;
  throw DataError(
      content.name,
      "is a zip archive, but holds neither arrays (.npy) nor tensors (data.pkl); unpack "
      "it and name the file inside");
}

std::optional<Format> format_of_bytes(const Content& content) {
  const std::string_view text = content.text();
  if (text.starts_with("\x93NUMPY")) return Format::npy;
  if (is_parquet(content.bytes)) return Format::parquet;
  if (is_arrow(content.bytes)) return Format::arrow;
  if (is_hdf5(content.bytes)) return Format::hdf5;
  if (is_zip(content.bytes)) return format_of_zip(content);
  if (is_old_torch_file(content.bytes)) return Format::pt;
  if (text.size() >= 4 && text[0] == 0 && text[1] == 0 && text[2] >= 8 && text[2] <= 14)
    return Format::idx;
  return std::nullopt;
}

Format format_of_text(std::string_view text) {
  if (is_json_lines(text)) return Format::jsonl;
  if (is_libsvm(text)) return Format::libsvm;
  return Format::csv;
}

Format find_format(const Content& content) {
  const std::string name = unpacked_name(content.name);
  // The first bytes of a dark picture can look like those of IDX.
  if (name.ends_with(".bin")) {
    if (is_cifar(content.bytes, Cifar::ten)) return Format::cifar10;
    if (is_cifar(content.bytes, Cifar::hundred)) return Format::cifar100;
  }
  if (const auto found = format_of_bytes(content)) return *found;
  // Damaged files should hear what is wrong with them from the reader of what they claim to be.
  if (const auto named = format_named(format_of_name(content.name))) return *named;
  const std::string_view text = content.text();
  if (name.ends_with(".txt") || name.ends_with(".data")) return format_of_text(text);
  if (name.find("-idx") != std::string::npos || name.find(".idx") != std::string::npos)
    return Format::idx;
  if (text.find('\0') == std::string_view::npos) return format_of_text(text);
  std::vector<std::string_view> names;
  for (const FormatName& known : format_names) names.push_back(known.name);
  throw DataError(content.name, fmt::format("is none of {}; set data.format if it is one of them",
                                            fmt::join(names, ", ")));
}

}  // namespace

Content read_content(const std::filesystem::path& path, std::string array) {
  const MappedFile file(path);
  Content content{path.string(), file.bytes(), file.owner(), std::move(array)};
  const auto unpack = is_gzip(file.bytes())   ? unpack_gzip
                      : is_zstd(file.bytes()) ? unpack_zstd
                                              : nullptr;
  if (unpack != nullptr) {
    const auto buffer = own(unpack(file.bytes(), content.name, largest_unpacked));
    content.bytes = *buffer;
    content.owner = buffer;
    content.mapped = false;
  }
  return content;
}

Format detect_format(const Content& content, const std::string& format) {
  const auto chosen = format_named(format);
  if (!chosen && format != "auto") {
    std::vector<std::string_view> keys;
    for (const FormatName& known : format_names) keys.push_back(known.key);
    throw InputError(
        fmt::format("data.format: {}: write auto, {}", in_quotes(format), fmt::join(keys, ", ")));
  }
  const Format found = chosen ? *chosen : find_format(content);
  const bool archive = found == Format::npz || found == Format::hdf5 || found == Format::pt;
  if (!content.array.empty() && !archive) {
    throw InputError(fmt::format("{}#{}: {} is {}, which has no named arrays; leave #{} out",
                                 content.name, content.array, content.name, name_of(found),
                                 content.array));
  }
  return found;
}

std::string_view name_of(Format format) {
  for (const FormatName& known : format_names) {
    if (known.format == format) return known.name;
  }
  return "";
}

bool is_array(Format format) {
  return format == Format::idx || format == Format::npy || format == Format::npz ||
         format == Format::hdf5 || format == Format::pt;
}

bool is_columnar(Format format) {
  return format == Format::parquet || format == Format::arrow;
}

bool is_cifar(Format format) {
  return format == Format::cifar10 || format == Format::cifar100;
}

bool holds_labels(Format format) {
  return format == Format::libsvm || is_cifar(format);
}

Array parse_array(const Content& content, Format format) {
  const auto& [name, bytes, owner, array, mapped] = content;
  if (format == Format::npz) return parse_npz(bytes, name, array);
  if (format == Format::hdf5) return parse_hdf5(bytes, name, array, owner);
  if (format == Format::pt) return parse_torch(bytes, name, array);
  return format == Format::idx ? parse_idx(bytes, name, owner) : parse_npy(bytes, name, owner);
}

std::vector<std::string> array_names(const Content& content, Format format) {
  if (format == Format::npz) return npz_names(ZipArchive(content.bytes, content.name));
  if (format == Format::hdf5) return hdf5_names(content.bytes, content.name);
  if (format == Format::pt) return torch_names(content.bytes, content.name);
  return {};
}

Array read_idx(const std::filesystem::path& path) {
  const Content content = read_content(path);
  return parse_idx(content.bytes, content.name, content.owner);
}

Array read_npy(const std::filesystem::path& path) {
  const Content content = read_content(path);
  return parse_npy(content.bytes, content.name, content.owner);
}

Table read_csv(const std::filesystem::path& path, const CsvOptions& options) {
  const Content content = read_content(path);
  return parse_csv(content.text(), content.name, options);
}

}  // namespace convoy
