#include "data/sources/glob.hpp"

#include <algorithm>
#include <cstdint>

#include "convoy/data/integrity/manifest.hpp"

namespace convoy {
namespace {

namespace fs = std::filesystem;

/// One character of a name: of UTF-8 where it is that, else a byte.
struct Letter {
  std::uint32_t code = 0;
  std::size_t size = 1;
};

Letter letter_at(std::string_view text, std::size_t at) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const std::uint32_t first = byte(at);
  const std::size_t size = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : first >= 0xc0 ? 2 : 1;
  if (size == 1 || text.size() - at < size) return {first, 1};
  std::uint32_t code = first & (0x7fU >> size);
  for (std::size_t i = 1; i < size; ++i) {
    if ((byte(at + i) & 0xc0) != 0x80) return {first, 1};
    code = code << 6 | (byte(at + i) & 0x3f);
  }
  return {code, size};
}

/// Where the set that begins at `open` ends (its ']'), or npos when it does not.
std::size_t end_of_set(std::string_view pattern, std::size_t open) {
  std::size_t at = open + 1;
  if (at < pattern.size() && (pattern[at] == '!' || pattern[at] == '^')) ++at;
  return pattern.find(']', at + 1);  // a ']' that comes first is one of the set
}

bool set_contains(std::string_view set, std::uint32_t code) {
  const bool negated = set.starts_with('!') || set.starts_with('^');
  if (negated) set.remove_prefix(1);
  bool found = false;
  for (std::size_t at = 0; at < set.size();) {
    const Letter low = letter_at(set, at);
    at += low.size;
    Letter high = low;
    if (at + 1 < set.size() && set[at] == '-') {
      high = letter_at(set, at + 1);
      at += 1 + high.size;
    }
    found = found || (low.code <= code && code <= high.code);
  }
  return found != negated;
}

/// Matches one character of `name`; returns by how much pattern and name go on, or zeros.
std::pair<std::size_t, std::size_t> match_one(std::string_view pattern, std::size_t p,
                                              std::string_view name, std::size_t n) {
  const Letter letter = letter_at(name, n);
  if (pattern[p] == '?') return {1, letter.size};
  if (pattern[p] == '[') {
    const std::size_t end = end_of_set(pattern, p);
    if (end != std::string_view::npos) {
      if (!set_contains(pattern.substr(p + 1, end - p - 1), letter.code)) return {0, 0};
      return {end + 1 - p, letter.size};
    }
  }
  if (pattern[p] != name[n]) return {0, 0};
  return {1, 1};
}

bool is_in_place(const fs::path& path) {
  std::error_code ignored;
  return fs::exists(path, ignored);
}

void expand(const fs::path& folder, const std::vector<std::string>& patterns, std::size_t depth,
            std::vector<fs::path>& found) {
  const std::string& pattern = patterns[depth];
  const bool last = depth + 1 == patterns.size();
  std::error_code error;
  const auto take = [&](const fs::path& path) {
    if (!last) return expand(path, patterns, depth + 1, found);
    if (!fs::is_directory(path, error) && path.filename() != manifest_name) found.push_back(path);
  };
  const fs::path literal = folder / pattern;
  if (!has_wildcard(pattern) || is_in_place(literal)) {
    if (is_in_place(literal)) take(literal);
    return;
  }
  for (fs::directory_iterator at(folder.empty() ? "." : folder, error), end; !error && at != end;
       at.increment(error)) {
    const fs::path name = at->path().filename();
    if (glob_matches(pattern, name.string())) take(folder / name);
  }
}

}  // namespace

bool has_wildcard(std::string_view text) {
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '*' || text[i] == '?') return true;
    if (text[i] == '[' && end_of_set(text, i) != std::string_view::npos) return true;
  }
  return false;
}

bool glob_matches(std::string_view pattern, std::string_view name) {
  if (name.starts_with('.') && !pattern.starts_with('.')) return false;
  std::size_t p = 0;
  std::size_t n = 0;
  std::size_t star = std::string_view::npos;  // the last '*', and where its text ends so far
  std::size_t star_end = 0;
  while (n < name.size()) {
    if (p < pattern.size() && pattern[p] == '*') {
      star = p++;
      star_end = n;
      continue;
    }
    const auto [more_pattern, more_name] =
        p < pattern.size() ? match_one(pattern, p, name, n) : std::pair<std::size_t, std::size_t>{};
    if (more_name > 0) {
      p += more_pattern;
      n += more_name;
      continue;
    }
    if (star == std::string_view::npos) return false;
    p = star + 1;
    star_end += letter_at(name, star_end).size;
    n = star_end;
  }
  while (p < pattern.size() && pattern[p] == '*') ++p;
  return p == pattern.size();
}

GlobParts split_glob(const fs::path& pattern) {
  GlobParts parts;
  for (const fs::path& part : pattern) {
    const std::string text = part.string();
    if (parts.patterns.empty() && (!has_wildcard(text) || is_in_place(parts.folder / text)))
      parts.folder /= part;
    else
      parts.patterns.push_back(text);
  }
  return parts;
}

std::vector<fs::path> glob(const fs::path& pattern) {
  const GlobParts parts = split_glob(pattern);
  std::vector<fs::path> found;
  if (parts.patterns.empty()) {
    if (is_in_place(pattern)) found.push_back(pattern);
    return found;
  }
  expand(parts.folder, parts.patterns, 0, found);
  std::sort(found.begin(), found.end(),
            [](const fs::path& a, const fs::path& b) { return a.native() < b.native(); });
  return found;
}

}  // namespace convoy
