#include "data/content.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <optional>

#include "convoy/core/error.hpp"
#include "convoy/core/file.hpp"
#include "convoy/data/formats.hpp"
#include "data/array.hpp"
#include "data/csv_lexer.hpp"
#include "data/gzip.hpp"
#include "data/json_lines.hpp"
#include "data/libsvm.hpp"
#include "data/zstd.hpp"

namespace convoy {
namespace {

constexpr std::pair<std::string_view, Format> endings[] = {
    {".npy", Format::npy},     {".csv", Format::csv},        {".tsv", Format::tsv},
    {".jsonl", Format::jsonl}, {".ndjson", Format::jsonl},   {".libsvm", Format::libsvm},
    {".svm", Format::libsvm},  {".svmlight", Format::libsvm}};

/// As the job's data.format names it.
std::optional<Format> format_named(const std::string& name) {
  if (name == "idx") return Format::idx;
  if (name == "npy") return Format::npy;
  if (name == "csv") return Format::csv;
  if (name == "tsv") return Format::tsv;
  if (name == "jsonl") return Format::jsonl;
  if (name == "libsvm") return Format::libsvm;
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

Format format_of_text(std::string_view text) {
  if (is_json_lines(text)) return Format::jsonl;
  if (is_libsvm(text)) return Format::libsvm;
  return Format::csv;
}

}  // namespace

Content read_content(const std::filesystem::path& path) {
  const MappedFile file(path);
  Content content{path.string(), file.bytes(), file.owner()};
  const auto unpack = is_gzip(file.bytes())   ? unpack_gzip
                      : is_zstd(file.bytes()) ? unpack_zstd
                                              : nullptr;
  if (unpack != nullptr) {
    const auto buffer = own(unpack(file.bytes(), content.name, largest_unpacked));
    content.bytes = *buffer;
    content.owner = buffer;
  }
  return content;
}

Format detect_format(const Content& content, const std::string& format) {
  if (const auto chosen = format_named(format)) return *chosen;
  if (format != "auto") {
    throw InputError(fmt::format("data.format: {}: write auto, csv, tsv, jsonl, libsvm, idx or npy",
                                 in_quotes(format)));
  }
  const std::string_view text = content.text();
  if (text.starts_with("\x93NUMPY")) return Format::npy;
  if (text.size() >= 4 && text[0] == 0 && text[1] == 0 && text[2] >= 8 && text[2] <= 14)
    return Format::idx;
  // Damaged files should hear what is wrong with them from the reader of what they claim to be.
  const std::string name = unpacked_name(content.name);
  for (const auto& [ending, named] : endings) {
    if (name.ends_with(ending)) return named;
  }
  if (name.ends_with(".txt") || name.ends_with(".data")) return format_of_text(text);
  if (name.find("-idx") != std::string::npos || name.find(".idx") != std::string::npos)
    return Format::idx;
  if (text.find('\0') == std::string_view::npos) return format_of_text(text);
  throw DataError(content.name,
                  "is neither CSV, TSV, JSON Lines, LIBSVM, IDX nor NPY; set data.format if it is "
                  "one of them");
}

bool is_array(Format format) {
  return format == Format::idx || format == Format::npy;
}

Array parse_array(const Content& content, Format format) {
  return format == Format::idx ? parse_idx(content.bytes, content.name, content.owner)
                               : parse_npy(content.bytes, content.name, content.owner);
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
