#include "data/content.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>

#include "convoy/core/error.hpp"
#include "convoy/core/file.hpp"
#include "convoy/data/formats.hpp"
#include "data/array.hpp"
#include "data/csv_lexer.hpp"
#include "data/gzip.hpp"

namespace convoy {

Content read_content(const std::filesystem::path& path) {
  const MappedFile file(path);
  Content content{path.string(), file.bytes(), file.owner()};
  if (is_gzip(file.bytes())) {
    const auto buffer = own(unpack_gzip(file.bytes(), content.name));
    content.bytes = *buffer;
    content.owner = buffer;
  }
  return content;
}

Format detect_format(const Content& content, const std::string& format) {
  if (format == "idx") return Format::idx;
  if (format == "npy") return Format::npy;
  if (format == "csv") return Format::csv;
  if (format != "auto")
    throw InputError(
        fmt::format("data.format: {}: write auto, idx, csv or npy", in_quotes(format)));

  const std::string_view text = content.text();
  if (text.starts_with("\x93NUMPY")) return Format::npy;
  if (text.size() >= 4 && text[0] == 0 && text[1] == 0 && text[2] >= 8 && text[2] <= 14)
    return Format::idx;
  // Damaged files should hear what is wrong with them from the reader of what they claim to be.
  std::string name = std::filesystem::path(content.name).filename().string();
  std::transform(name.begin(), name.end(), name.begin(),
                 [](unsigned char c) { return std::tolower(c); });
  if (name.ends_with(".gz")) name.resize(name.size() - 3);
  if (name.ends_with(".npy")) return Format::npy;
  for (const char* ending : {".csv", ".tsv", ".txt", ".data"}) {
    if (name.ends_with(ending)) return Format::csv;
  }
  if (name.find("-idx") != std::string::npos || name.find(".idx") != std::string::npos)
    return Format::idx;
  if (text.find('\0') == std::string_view::npos) return Format::csv;
  throw DataError(content.name,
                  "is neither IDX, NPY nor CSV; set data.format if it is one of them");
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
