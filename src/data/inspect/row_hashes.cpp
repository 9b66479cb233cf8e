#include "data/inspect/row_hashes.hpp"

#include <algorithm>
#include <string>

#include "convoy/core/checksum.hpp"

namespace convoy {
namespace {

void append_raw(std::string& bytes, const void* value, std::size_t size) {
  bytes.append(static_cast<const char*>(value), size);
}

void append_cell(std::string& bytes, const Column& column, std::size_t row) {
  if (!column.categorical) {
    const double x = column.numbers[row] == 0 ? 0 : column.numbers[row];  // -0 equals 0
    append_raw(bytes, &x, sizeof x);
    return;
  }
  const std::int32_t code = column.codes[row];
  const std::string text = code < 0 ? "" : column.categories[static_cast<std::size_t>(code)];
  const std::int64_t size = code < 0 ? -1 : static_cast<std::int64_t>(text.size());
  append_raw(bytes, &size, sizeof size);
  bytes += text;
}

}  // namespace

void hash_rows(const Source& source, Range rows, std::span<std::uint64_t> hashes) {
  if (source.array && source.rows > 0) {
    const std::size_t size = source.array->bytes.size() / static_cast<std::size_t>(source.rows);
    for (std::int64_t row = rows.begin; row < rows.end; ++row) {
      const auto at = static_cast<std::size_t>(row);
      hashes[at] = xxh3(source.array->bytes.subspan(at * size, size));
    }
    return;
  }
  std::string bytes;
  for (std::int64_t row = rows.begin; row < rows.end; ++row) {
    const auto at = static_cast<std::size_t>(row);
    bytes.clear();
    for (const Column& column : source.columns) append_cell(bytes, column, at);
    hashes[at] = xxh3(std::as_bytes(std::span(bytes.data(), bytes.size())));
  }
}

std::vector<std::uint64_t> sorted_hashes(std::span<const std::uint64_t> hashes,
                                         std::span<const std::int64_t> rows) {
  std::vector<std::uint64_t> sorted;
  sorted.reserve(rows.size());
  for (const std::int64_t row : rows) sorted.push_back(hashes[static_cast<std::size_t>(row)]);
  std::sort(sorted.begin(), sorted.end());
  return sorted;
}

std::int64_t count_duplicates(std::span<const std::uint64_t> hashes,
                              std::span<const std::int64_t> rows) {
  std::vector<std::uint64_t> sorted = sorted_hashes(hashes, rows);
  return sorted.end() - std::unique(sorted.begin(), sorted.end());
}

std::int64_t count_common(std::span<const std::uint64_t> some,
                          std::span<const std::uint64_t> others) {
  return std::count_if(some.begin(), some.end(), [&](std::uint64_t hash) {
    return std::binary_search(others.begin(), others.end(), hash);
  });
}

}  // namespace convoy
