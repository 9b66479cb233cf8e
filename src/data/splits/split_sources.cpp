#include "data/splits/split_sources.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "convoy/core/error.hpp"
#include "convoy/data/partition/partitioner.hpp"
#include "data/dataset/row_list.hpp"
#include "data/formats/array.hpp"
#include "data/records/pages.hpp"
#include "data/splits/fingerprint.hpp"
#include "data/splits/partition_column.hpp"
#include "data/splits/record_dataset.hpp"
#include "data/splits/record_source.hpp"

namespace convoy {

void require_shape(const Source& source, const std::vector<std::int64_t>& shape,
                   const std::string& reference) {
  const std::vector<std::int64_t> own = sample_shape(source);
  if (own != shape) {
    throw DataError(source.file, fmt::format("samples of {} where {} has {}", shape_text(own),
                                             reference, shape_text(shape)));
  }
}

void require_kind(const Source& source, bool array, const std::string& reference) {
  if (source.is_array() == array) return;
  throw DataError(source.file, fmt::format("is {} where {} is {}", array ? "a table" : "an array",
                                           reference, array ? "an array" : "a table"));
}

bool has_values(const Column& column) {
  return !column.numbers.empty() || !column.codes.empty();
}

namespace {

/// Of prepared data only targets can be bad: what could not be read was left out before.
void find_bad_records(Source& source, const TargetCode& code) {
  constexpr std::int64_t piece = 65536;
  const RowList rows = RowList::all(source.rows);
  for (std::int64_t at = 0; at < source.rows; at += piece) {
    const std::vector<std::int64_t> numbers = rows.slice(at, std::min(source.rows, at + piece));
    code.find_bad(record_targets(source, numbers), source.bad, at);
  }
}

/// Completes the list of a source's bad rows, and stops when it is too long.
void find_bad_targets(Source& source, const TargetCode& code, const DataOptions& data) {
  if (data.on_bad_sample != "skip") return;
  if (source.records)
    find_bad_records(source, code);
  else
    code.find_bad(*source.target, source.bad);
  source.bad.require_few(source.file, source.rows, data.max_bad_samples);
}

}  // namespace

SplitSources read_split_sources(const DataOptions& data, const PartitionOptions& partition,
                                std::uint64_t seed, const std::filesystem::path& root,
                                CheckedFiles& files, std::optional<TargetCode>& code,
                                const Peers* peers) {
  const Resolve resolve =
      with_sources([&](const std::string& path) { return locate(root / path, files); }, peers);
  require_clear_splits(data);
  SplitSources sources;
  const DataOptions train = with_partition_column(data, partition);
  const std::optional<ColumnCut> cut = column_cut(partition, peers);
  if (cut && data.on_bad_sample == "skip") {
    throw InputError(
        "data.on_bad_sample: skip needs whole rows to tell which are bad, and with partition.by "
        "column no worker has them; set it to stop");
  }
  const ColumnCut* const columns = cut ? &*cut : nullptr;
  const auto pages = std::make_shared<PageKeeper>(static_cast<std::uint64_t>(data.memory) << 20);
  sources.train = read_source(
      train.train, {train, "data.train", nullptr, false, peers, pages, columns}, resolve);
  const LooksAt what = looks_at(partition);
  const bool column_of_sizes =
      what == LooksAt::sizes && column_looked_at(partition) != "target";  // else tokens are counted
  if (what == LooksAt::values || column_of_sizes)
    sources.values = partition_column(sources.train, data, partition);
  code = TargetCode::decide(*sources.train.target, data);
  find_bad_targets(sources.train, *code, data);
  const ColumnRoles roles = roles_of(sources.train, *code);
  const auto read = [&](const DataFiles& split, const char* key) -> std::optional<Source> {
    if (split.empty()) return std::nullopt;
    Source source = read_source(split, {data, key, &roles, false, peers, pages, columns}, resolve);
    require_kind(source, sources.train.is_array(), sources.train.file);
    if (source.is_array()) require_shape(source, sample_shape(sources.train), sources.train.file);
    find_bad_targets(source, *code, data);
    return source;
  };
  sources.validation = read(data.validation_files, "data.validation_files");
  sources.test = read(data.test, "data.test");
  sources.rows = split_source(sources.train, seed, data);
  return sources;
}

std::string fingerprint(const SplitSources& sources,
                        const std::vector<PreprocessStep>& preprocess) {
  std::vector<Trait> traits;
  add_traits("train", sources.train, traits);
  if (sources.validation) add_traits("validation", *sources.validation, traits);
  if (sources.test) add_traits("test", *sources.test, traits);
  add_traits(sources.rows, preprocess, traits);
  if (has_values(sources.values)) add_traits(sources.values, traits);
  return fingerprint_text(traits);
}

}  // namespace convoy
