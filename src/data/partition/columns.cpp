#include "data/partition/columns.hpp"

#include <fmt/format.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>

#include "convoy/core/error.hpp"
#include "convoy/data/partition/columns.hpp"
#include "convoy/data/partition/partitioner.hpp"
#include "convoy/data/preprocess/step.hpp"
#include "data/formats/array.hpp"

namespace convoy {
namespace {

/// The whole pages within; their content is read from the file again when it is needed.
void let_go_of_pages(std::span<const std::byte> bytes) {
  const auto page = static_cast<std::uintptr_t>(::sysconf(_SC_PAGESIZE));
  const auto begin = (reinterpret_cast<std::uintptr_t>(bytes.data()) + page - 1) / page * page;
  const auto end = reinterpret_cast<std::uintptr_t>(bytes.data() + bytes.size()) / page * page;
  if (begin < end) ::madvise(reinterpret_cast<void*>(begin), end - begin, MADV_DONTNEED);
}

bool lies_within(std::span<const std::byte> inner, std::span<const std::byte> outer) {
  return !outer.empty() && inner.data() >= outer.data() &&
         inner.data() + inner.size() <= outer.data() + outer.size();
}

}  // namespace

void require_enough_parts(std::int64_t parts, int workers, std::int64_t of) {
  if (parts < workers) {
    throw InputError(fmt::format(
        "partition.columns: {} parts are too few for {} workers, each of which needs one; set it "
        "to {} or more",
        parts, workers, workers));
  }
  if (of < parts) {
    throw InputError(
        fmt::format("partition.columns: {} columns cannot be cut into {} parts; set it to {} or "
                    "less",
                    of, parts, of));
  }
}

Range ColumnCut::own_columns(std::int64_t columns) const {
  require_enough_parts(parts, static_cast<int>(workers.size()), columns);
  return {even_part(columns, parts, own().begin).begin,
          even_part(columns, parts, own().end - 1).end};
}

std::optional<ColumnCut> column_cut(const PartitionOptions& partition, const Peers* peers) {
  const std::optional<std::int64_t> parts = column_parts(partition);
  if (!parts) return std::nullopt;
  const int workers = peers == nullptr ? 1 : peers->size();
  require_enough_parts(*parts, workers, *parts);
  ColumnCut cut;
  cut.parts = *parts;
  cut.worker = peers == nullptr ? 0 : peers->rank();
  for (int w = 0; w < workers; ++w) cut.workers.push_back(even_part(cut.parts, workers, w));
  return cut;
}

void require_lasting_workers(const PartitionOptions& partition, bool elastic) {
  if (!elastic || !column_parts(partition)) return;
  throw InputError(
      fmt::format("partition.by: {} needs workers that stay: a lost worker's features are nobody "
                  "else's; launch --workers N, not MIN:MAX, or partition by row",
                  partition.by));
}

void require_steps_by_column(const std::vector<PreprocessStep>& steps,
                             std::span<const std::int64_t> sample_shape) {
  for (const PreprocessStep& step : steps) {
    const std::string problem = problem_by_column(step, sample_shape);
    if (problem.empty()) continue;
    throw InputError(
        fmt::format("preprocess: {} {}, and with partition.by column no worker has them; remove "
                    "the step, or partition by row",
                    step.kind, problem));
  }
}

Array take_elements(const Array& array, Range elements, std::span<const std::byte> mapped) {
  constexpr std::size_t most_pages = 4 << 20;  // bytes
  const auto rows = static_cast<std::size_t>(array.rows());
  const std::size_t size = size_of(array.type);
  const std::size_t row_bytes = rows == 0 ? 0 : array.bytes.size() / rows;
  const std::size_t from = static_cast<std::size_t>(elements.begin) * size;
  const std::size_t count = static_cast<std::size_t>(elements.size()) * size;
  const bool lets_go = lies_within(array.bytes, mapped);
  std::vector<std::byte> bytes(rows * count);
  std::size_t kept_from = 0;  // pages from here on have not been let go of
  for (std::size_t row = 0; row < rows; ++row) {
    std::memcpy(bytes.data() + row * count, array.bytes.data() + row * row_bytes + from, count);
    const std::size_t end = (row + 1) * row_bytes;
    if (!lets_go || (end - kept_from < most_pages && row + 1 < rows)) continue;
    let_go_of_pages(array.bytes.subspan(kept_from, end - kept_from));
    kept_from = end;
  }
  Array taken;
  taken.type = array.type;
  taken.shape = {array.rows(), elements.size()};
  const auto owner = own(std::move(bytes));
  taken.bytes = *owner;
  taken.owner = owner;
  return taken;
}

}  // namespace convoy
