#include "data/sources/address.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "convoy/core/error.hpp"
#include "data/sources/address_text.hpp"

namespace convoy {
namespace {

bool is_scheme_of(std::string_view scheme, std::string_view path) {
  return scheme.ends_with(':') || scheme.find("://") != scheme.npos
             ? begins_with_scheme(path, scheme)
             : path == scheme;
}

}  // namespace

const SourceKind* source_of(std::string_view path) {
  for (const auto& [name, kind] : sources().all()) {
    if (kind.gives == Gives::package) continue;
    for (const std::string& scheme : kind.schemes) {
      if (is_scheme_of(scheme, path)) return &kind;
    }
  }
  return nullptr;
}

bool is_database(std::string_view path) {
  const SourceKind* kind = source_of(path);
  return kind && kind->gives == Gives::rows;
}

std::string shown_address(std::string_view path) {
  const SourceKind* kind = source_of(path);
  return kind && kind->shown ? kind->shown(path) : std::string(path);
}

std::string named_file(std::string_view path) {
  const SourceKind* kind = source_of(path);
  return kind && kind->named_file ? kind->named_file(path) : std::string(path);
}

void check_address(const std::string& path) {
  const SourceKind* kind = source_of(path);
  if (kind && kind->check) kind->check(path);
}

std::vector<std::string> paths_read_once(const DataOptions& data) {
  std::vector<std::string> paths;
  for (const DataFiles* files : {&data.train, &data.validation_files, &data.test}) {
    for (const std::string* path : {&files->file, &files->features, &files->labels}) {
      const SourceKind* kind = source_of(*path);
      if (kind && kind->once) paths.push_back(*path);
    }
  }
  return paths;
}

std::optional<PackageAddress> find_package(std::string_view text) {
  for (const auto& [name, kind] : sources().all()) {
    for (const std::string& scheme : kind.schemes) {
      if (kind.gives != Gives::package || !text.starts_with(scheme)) continue;
      std::string spec(text.substr(scheme.size()));
      if (kind.is_package(spec)) return PackageAddress{&kind, std::move(spec)};
    }
  }
  return std::nullopt;
}

bool has_package_scheme(std::string_view text) {
  const auto begins = [text](const std::string& scheme) { return text.starts_with(scheme); };
  return std::ranges::any_of(sources().all(), [&](const auto& entry) {
    return entry.second.gives == Gives::package &&
           std::ranges::any_of(entry.second.schemes, begins);
  });
}

std::string alternatives(const std::vector<std::string>& words) {
  std::string text;
  for (std::size_t i = 0; i < words.size(); ++i) {
    if (i > 0) text += i + 1 == words.size() ? " or " : ", ";
    text += words[i];
  }
  return text;
}

void refuse_read_once(const std::string& path) {
  throw InputError(fmt::format(
      "`{}`, the {}, can be read by one process only, and this job has several workers; write the "
      "data into a file that all of them see, or use --replicas for more threads",
      path, shown_address(path)));
}

}  // namespace convoy
