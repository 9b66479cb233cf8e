#include "data/sources/pypi_index.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>
#include <vector>

#include "convoy/core/error.hpp"
#include "data/formats/csv_lexer.hpp"

namespace convoy {
namespace {

using PypiJson = nlohmann::json;

std::string in_small_letters(std::string_view text) {
  std::string small(text);
  std::ranges::transform(small, small.begin(), [](unsigned char c) { return std::tolower(c); });
  return small;
}

/// Versions are written in file names with '_' for what would end them there.
std::string comparable_version(std::string_view version) {
  std::string text = in_small_letters(version);
  std::ranges::replace(text, '+', '_');
  std::ranges::replace(text, '-', '_');
  return text;
}

/// Names of files become part of paths.
bool is_plain_file_name(std::string_view name) {
  return !name.empty() && std::isalnum(static_cast<unsigned char>(name[0])) != 0 &&
         std::ranges::all_of(name, [](unsigned char c) {
           return c < 0x80 &&
                  (std::isalnum(c) != 0 ||
                   std::string_view("._+-!").find(static_cast<char>(c)) != std::string_view::npos);
         });
}

/// What the name of an archive says.
struct ArchiveName {
  std::string version;
  bool wheel = false;
  bool any = false;      // wheels: of any platform
  std::string platform;  // wheels
};

std::optional<ArchiveName> parse_wheel_name(std::string_view stem, std::string_view package) {
  std::vector<std::string_view> parts;
  for (std::size_t at = 0; at <= stem.size();) {
    const std::size_t end = std::min(stem.find('-', at), stem.size());
    parts.push_back(stem.substr(at, end - at));
    at = end + 1;
  }
  if (parts.size() < 5 || parts.size() > 6 || pypi_name(parts[0]) != package) return std::nullopt;
  ArchiveName name{std::string(parts[1]), true, false, std::string(parts.back())};
  name.any = name.platform == "any";
  return name;
}

std::optional<ArchiveName> parse_archive_name(std::string_view file, std::string_view package) {
  if (file.ends_with(".whl")) return parse_wheel_name(file.substr(0, file.size() - 4), package);
  for (const std::string_view ending : {".tar.gz", ".tgz", ".zip"}) {
    if (!file.ends_with(ending)) continue;
    const std::string_view stem = file.substr(0, file.size() - ending.size());
    // Both names and versions may have a '-': the name is what the package is called.
    for (std::size_t at = stem.find('-'); at != stem.npos; at = stem.find('-', at + 1)) {
      if (pypi_name(stem.substr(0, at)) == package)
        return ArchiveName{std::string(stem.substr(at + 1)), false, false, ""};
    }
  }
  return std::nullopt;
}

/// How well an archive serves; 0: not at all.
int rank_of(const ArchiveName& name, std::string_view machine) {
  if (!name.wheel) return 2;
  if (name.any) return 3;
  const bool own = name.platform.find("linux") != name.platform.npos &&
                   name.platform.ends_with("_" + std::string(machine));
  return own ? 1 : 0;
}

std::string sha256_of_entry(const PypiJson& entry) {
  if (!entry.contains("hashes")) return "";
  const PypiJson& hashes = entry.at("hashes");
  if (!hashes.contains("sha256")) return "";
  std::string hex = in_small_letters(hashes.at("sha256").get<std::string>());
  const bool sound = hex.size() == 64 && hex.find_first_not_of("0123456789abcdef") == hex.npos;
  return sound ? hex : "";
}

PypiArchive choose(const PypiJson& files, std::string_view name, std::string_view version,
                   std::string_view machine, const std::string& page) {
  const std::string package = pypi_name(name);
  std::set<std::string> versions;
  std::vector<std::string> others;
  PypiArchive best;
  int best_rank = 0;
  for (const PypiJson& entry : files) {
    const auto file = entry.at("filename").get<std::string>();
    const auto found = parse_archive_name(file, package);
    if (!found || !is_plain_file_name(file)) continue;
    if (comparable_version(found->version) != comparable_version(version)) {
      versions.insert(found->version);
      continue;
    }
    others.push_back(file);
    const int rank = rank_of(*found, machine);
    if (rank == 0 || rank < best_rank || (rank == best_rank && file < best.file)) continue;
    best_rank = rank;
    best = {file, resolve_reference(page, entry.at("url").get<std::string>()),
            sha256_of_entry(entry), found->wheel};
  }
  if (best_rank > 0) return best;
  if (!others.empty()) {
    throw InputError(fmt::format("there is no archive that serves on Linux {}, only {}", machine,
                                 name_list(others)));
  }
  if (versions.empty()) throw InputError("the index has no wheels and no source archives of it");
  throw InputError(
      fmt::format("there is no version {}; there are {}", version,
                  name_list(std::vector<std::string>(versions.rbegin(), versions.rend()))));
}

}  // namespace

std::string pypi_name(std::string_view name) {
  std::string out;
  for (const char c : name) {
    const bool mark = c == '-' || c == '_' || c == '.';
    if (mark && out.ends_with('-')) continue;
    out += mark ? '-' : static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  }
  return out;
}

std::string resolve_reference(const std::string& page, std::string_view reference) {
  reference = reference.substr(0, reference.find('#'));
  if (reference.starts_with("http://") || reference.starts_with("https://"))
    return std::string(reference);
  const std::size_t host = page.find("://");
  if (host == page.npos) return std::string(reference);
  if (reference.starts_with("//")) return page.substr(0, host + 1) + std::string(reference);
  const std::size_t path = std::min(page.find('/', host + 3), page.size());
  const std::string root = page.substr(0, path);
  if (reference.starts_with('/')) return root + std::string(reference);
  const std::string folder =
      page.substr(path, page.rfind('/') + 1 - std::min(path, page.rfind('/')));
  const auto whole = std::filesystem::path(folder.empty() ? "/" : folder) / reference;
  return root + whole.lexically_normal().string();
}

PypiArchive choose_pypi_archive(std::string_view text, std::string_view name,
                                std::string_view version, std::string_view machine,
                                const std::string& page) {
  PypiArchive archive;
  try {
    // Deeper than an index is: what is left out is not looked at.
    const auto shallow = [](int depth, PypiJson::parse_event_t, PypiJson&) { return depth < 8; };
    const PypiJson json = PypiJson::parse(text, shallow);
    archive = choose(json.at("files"), name, version, machine, page);
  } catch (const PypiJson::exception&) {
    throw InputError("what the index answers is not JSON of the simple repository API (PEP 691)");
  }
  if (archive.sha256.empty())
    throw InputError(fmt::format("the index gives no SHA-256 of {}", archive.file));
  if (!archive.url.starts_with("http://") && !archive.url.starts_with("https://"))
    throw InputError(fmt::format("the index gives no address of {}", archive.file));
  return archive;
}

}  // namespace convoy
