#include "data/formats/content.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "convoy/core/error.hpp"
#include "convoy/core/file.hpp"
#include "data/formats/array.hpp"
#include "data/formats/csv_lexer.hpp"
#include "data/formats/file_names.hpp"
#include "data/formats/gzip.hpp"
#include "data/formats/zstd.hpp"

namespace convoy {
namespace {

Likeness likeness_of(const FormatKind& kind, const Content& content) {
  const auto begins = [&](const std::string& mark) { return content.text().starts_with(mark); };
  if (std::ranges::any_of(kind.marks, begins)) return Likeness::mark;
  return kind.likeness ? kind.likeness(content) : Likeness::none;
}

/// Of formats that read files.
std::vector<std::string> file_formats(std::string FormatKind::*name) {
  std::vector<std::string> names;
  for (const auto& [key, kind] : formats().all()) {
    if (!kind.whole) names.push_back(kind.*name);
  }
  return names;
}

struct Guess {
  const FormatKind* kind = nullptr;
  Likeness likeness = Likeness::none;
};

template <class Judge>
Guess best_guess(const Judge& judge) {
  Guess best;
  for (const auto& [key, kind] : formats().all()) {
    const Likeness likeness = kind.whole ? Likeness::none : judge(kind);
    if (likeness > best.likeness) best = {&kind, likeness};
  }
  return best;
}

/// Whether the file could be a text: there is no NUL in it, or its name says so.
bool looks_like_text(const Content& content) {
  const std::string name = unpacked_name(content.name);
  return name.ends_with(".txt") || name.ends_with(".data") ||
         content.text().find('\0') == std::string_view::npos;
}

const FormatKind& find_format(const Content& content) {
  Guess best = best_guess([&](const FormatKind& kind) { return likeness_of(kind, content); });
  if (best.likeness >= Likeness::family) return *best.kind;
  // Damaged files should hear what is wrong with them from the reader of what they claim to be.
  if (const FormatKind* named = format_of_name(content.name)) return *named;
  if (!best.kind && looks_like_text(content)) {
    best = best_guess([&](const FormatKind& kind) {
      return kind.text_likeness ? kind.text_likeness(content) : Likeness::none;
    });
  }
  if (best.kind) return *best.kind;
  throw DataError(content.name, fmt::format("is none of {}; set data.format if it is one of them",
                                            fmt::join(file_formats(&FormatKind::title), ", ")));
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

const FormatKind& detect_format(const Content& content, const std::string& format) {
  const FormatKind* chosen = format_named(format);
  if (format != "auto" && (!chosen || chosen->whole)) {
    throw InputError(fmt::format("data.format: {}: write auto, {}", in_quotes(format),
                                 fmt::join(file_formats(&FormatKind::name), ", ")));
  }
  const FormatKind& found = chosen ? *chosen : find_format(content);
  if (!content.array.empty() && !found.is_archive()) {
    throw InputError(fmt::format("{}#{}: {} is {}, which has no named arrays; leave #{} out",
                                 content.name, content.array, content.name, found.title,
                                 content.array));
  }
  return found;
}

const FormatKind* whole_format(const std::filesystem::path& path, const std::string& format) {
  std::error_code ignored;
  const bool is_folder = std::filesystem::is_directory(path, ignored);
  Guess found;
  for (const auto& [key, kind] : formats().all()) {
    const Likeness likeness = is_folder && kind.folder ? kind.folder(path) : Likeness::none;
    if (likeness > found.likeness) found = {&kind, likeness};
  }
  if (found.likeness >= Likeness::mark) return found.kind;
  const FormatKind* named = format_named(format);
  if (named && named->whole && (!is_folder || named->holds == Holds::folder)) return named;
  return found.kind;
}

std::vector<std::string> array_names(const Content& content, const FormatKind& format) {
  return format.arrays ? format.arrays(content) : std::vector<std::string>();
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
