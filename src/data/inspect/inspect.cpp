#include "convoy/data/inspect/inspect.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>

#include "convoy/core/error.hpp"
#include "convoy/data/load.hpp"
#include "convoy/data/preprocess/frame.hpp"
#include "data/formats/array.hpp"
#include "data/inspect/describe.hpp"
#include "data/inspect/notes.hpp"
#include "data/inspect/row_hashes.hpp"
#include "data/inspect/thread_peers.hpp"
#include "data/sources/address.hpp"
#include "data/sources/checked_files.hpp"
#include "data/splits/joined.hpp"
#include "data/splits/record_source.hpp"
#include "data/splits/source.hpp"
#include "data/splits/split.hpp"

namespace convoy {
namespace {

using Json = nlohmann::ordered_json;
using RowNumbers = std::vector<std::int64_t>;

/// The files of one part of the data: train, validation or test.
struct Part {
  std::string name;
  Source source;
  RowNumbers good;                    ///< the samples that can be read
  std::vector<std::uint64_t> hashes;  ///< of the features of each sample
};

/// Some samples of a part.
struct SplitOfPart {
  std::string name;
  const Part* part = nullptr;
  RowNumbers rows;
};

Part make_part(std::string name, Source source) {
  Part part;
  part.name = std::move(name);
  part.good = source.good_rows();
  part.hashes.resize(static_cast<std::size_t>(source.rows));
  part.source = std::move(source);
  return part;
}

Json describe_columns(const std::vector<Column>& columns) {
  Json json = Json::array();
  for (const Column& column : columns) json.push_back(describe_column(column));
  return json;
}

Json describe_part(Part& part, int replicas) {
  const Source& source = part.source;
  const std::vector<Column> columns =
      source.bad.empty() ? source.columns : take_rows(source.columns, part.good);
  std::vector<Json> described(columns.size());
  Json array;
  run_as_peers(replicas, [&](Peers& peers) {
    const auto size = static_cast<std::size_t>(peers.size());
    hash_rows(source, even_part(source.rows, peers.size(), peers.rank()), part.hashes);
    for (auto i = static_cast<std::size_t>(peers.rank()); i < columns.size(); i += size)
      described[i] = describe_column(columns[i]);
    if (!source.array) return;
    Json own = describe_array(*source.array, peers);
    if (peers.rank() == 0) array = std::move(own);
  });
  Json json = {{"part", part.name}, {"file", source.file}, {"samples", part.good.size()}};
  if (source.array)
    json["array"] = std::move(array);
  else
    json["columns"] = std::move(described);
  if (source.target)
    json["target"] = describe_columns(take_rows(source.target->columns, part.good));
  const bool single = source.array ? source.array->shape.size() < 2 : source.columns.size() < 2;
  if (!single) json["duplicates"] = count_duplicates(part.hashes, part.good);
  return json;
}

Json describe_classes(const Column& target, const DataSpec& spec) {
  std::vector<std::int64_t> times(spec.class_names.size());
  for (const double x : target.numbers) {
    if (x >= 0 && x < static_cast<double>(times.size())) ++times[static_cast<std::size_t>(x)];
  }
  for (std::size_t i = 0; i < times.size() && target.categorical; ++i) {
    const auto known =
        std::find(target.categories.begin(), target.categories.end(), spec.class_names[i]);
    times[i] =
        std::count(target.codes.begin(), target.codes.end(),
                   known == target.categories.end() ? -2 : known - target.categories.begin());
  }
  const auto total = std::accumulate(times.begin(), times.end(), std::int64_t{0});
  Json json = Json::array();
  for (std::size_t i = 0; i < times.size(); ++i) {
    const double part = total == 0 ? 0 : static_cast<double>(times[i]) / static_cast<double>(total);
    json.push_back({{"class", spec.class_names[i]}, {"count", times[i]}, {"part", part}});
  }
  return json;
}

std::int64_t count_without_target(const std::vector<Column>& targets, std::size_t rows) {
  std::int64_t count = 0;
  for (std::size_t row = 0; row < rows; ++row)
    count += std::any_of(targets.begin(), targets.end(),
                         [&](const Column& column) { return is_missing(column, row); });
  return count;
}

Json describe_split(const SplitOfPart& split, const DataSpec& spec) {
  const std::vector<Column> targets = take_rows(split.part->source.target->columns, split.rows);
  Json json = {{"split", split.name},
               {"samples", split.rows.size()},
               {"without_target", count_without_target(targets, split.rows.size())}};
  if (spec.task == Task::regression)
    json["target"] = describe_columns(targets);
  else
    json["classes"] = describe_classes(targets[0], spec);
  return json;
}

Json describe_splits(const std::vector<SplitOfPart>& splits, const DataSpec& spec) {
  Json json = Json::array();
  std::vector<std::uint64_t> train;
  for (const SplitOfPart& split : splits) {
    Json described = describe_split(split, spec);
    std::vector<std::uint64_t> own = sorted_hashes(split.part->hashes, split.rows);
    if (!train.empty()) described["also_in_train"] = count_common(own, train);
    if (split.name == "train") train = std::move(own);
    json.push_back(std::move(described));
  }
  return json;
}

/// The given way of reading, but for samples that cannot be read, which are always passed over.
DataOptions tolerant_options(const DataOptions& data) {
  DataOptions options = data;
  if (data.on_bad_sample != "skip") options.max_bad_samples = 0;  // text makes a column one of text
  options.on_bad_sample = "skip";
  return options;
}

class SplitReader {
 public:
  explicit SplitReader(const LoadOptions& load)
      : load_(load), data_(tolerant_options(load.data)), files_(load.data.verify) {
    require_clear_splits(data_);
    root_ = data_.fetch.empty() ? load.directory : fetch_package(data_.fetch);
    Source train = read(data_.train, "data.train", nullptr);
    code_ = TargetCode::decide(*train.target, data_);
    const ColumnRoles roles = roles_of(train, code_);
    parts_.reserve(3);
    add("train", std::move(train));
    if (!data_.validation_files.empty())
      add("validation", read(data_.validation_files, "data.validation_files", &roles));
    if (!data_.test.empty()) add("test", read(data_.test, "data.test", &roles));
  }

  std::vector<Part>& parts() { return parts_; }
  const TargetCode& code() const { return code_; }

  std::vector<SplitOfPart> splits() const {
    const Part& first = parts_.front();
    SplitRows rows = split_source(first.source, load_.seed, data_);
    std::vector<SplitOfPart> splits = {{"train", &first, std::move(rows.train)}};
    if (!rows.validation.empty())
      splits.push_back({"validation", &first, std::move(rows.validation)});
    if (!rows.test.empty()) splits.push_back({"test", &first, std::move(rows.test)});
    for (std::size_t i = 1; i < parts_.size(); ++i)
      splits.push_back({parts_[i].name, &parts_[i], parts_[i].good});
    std::stable_sort(splits.begin(), splits.end(), [](const SplitOfPart& a, const SplitOfPart& b) {
      return place(a.name) < place(b.name);
    });
    return splits;
  }

  /// What was wrong with the files.
  std::vector<std::string> notes() const {
    std::vector<std::string> lines = files_.repaired();
    for (const Part& part : parts_) {
      if (part.source.bad.empty()) continue;
      lines.push_back(part.source.bad.summary(part.source.file, part.source.rows));
      if (load_.data.on_bad_sample != "skip")
        lines.back() += "; training stops there, unless data.on_bad_sample is skip";
    }
    return lines;
  }

 private:
  static int place(const std::string& split) {
    return split == "train" ? 0 : split == "validation" ? 1 : 2;
  }

  Source read(const DataFiles& files, const char* key, const ColumnRoles* roles) {
    Source source = read_source(files, {.data = data_, .key = key, .roles = roles}, resolve_);
    read_into_memory(source);
    return source;
  }

  void add(const char* name, Source source) {
    code_.find_bad(*source.target, source.bad);
    source.bad.require_few(source.file, source.rows, 1);
    parts_.push_back(make_part(name, std::move(source)));
  }

  const LoadOptions& load_;
  DataOptions data_;
  CheckedFiles files_;
  std::filesystem::path root_;
  const Resolve resolve_ = with_sources([this](const std::string& path) {
    return locate((root_ / path).lexically_normal(), files_);
  });
  TargetCode code_;
  std::vector<Part> parts_;
};

void add_notes(Json& record, std::vector<std::string> lines) {
  for (std::string& line : notes_on(record)) lines.push_back(std::move(line));
  record["notes"] = std::move(lines);
}

/// One-dimensional arrays, labels mostly, are worth what a column of a table is.
void make_column_of_array(Source& source) {
  if (!source.array || source.array->shape.size() != 1) return;
  Column values;
  values.name = "values";
  values.numbers.resize(static_cast<std::size_t>(source.rows));
  to_doubles(*source.array, 0, values.numbers);
  for (double& x : values.numbers) {
    if (!std::isfinite(x)) x = std::numeric_limits<double>::quiet_NaN();
  }
  source.columns = {std::move(values)};
  source.array.reset();
}

/// An array as it is, whatever its elements are.
Source source_of_array(Array array, const std::string& name) {
  Source source;
  source.file = name;
  source.rows = array.shape.empty() ? 0 : array.rows();
  if (array.bytes.empty()) source.rows = 0;
  source.array = std::move(array);
  return source;
}

/// Throws DataError when there is nothing in it.
Part lone_part(std::string name, Source source) {
  read_into_memory(source);
  if (source.rows == 0) throw DataError(source.file, "has no samples");
  make_column_of_array(source);
  return make_part(std::move(name), std::move(source));
}

/// All arrays of a lone archive that holds several, none of which is named; else none. Those that
/// cannot be read become notes.
std::vector<Part> parts_of_archive(Input input, std::vector<std::string>& notes) {
  std::vector<Part> parts;
  if (input.files.size() != 1 || !input.files[0].array.empty()) return {};
  const std::vector<std::string> names = array_names(input.files[0], *input.format);
  if (names.size() < 2) return {};
  for (const std::string& name : names) {
    input.files[0].array = name;
    try {
      parts.push_back(lone_part(name, source_of_array(join_arrays(input).array, input.name)));
    } catch (const InputError& error) {
      notes.push_back(error.what());
    }
  }
  if (parts.empty()) throw InputError(notes[0]);
  return parts;
}

std::vector<Part> parts_of_arrays(const Input& input, const DataOptions& data,
                                  std::vector<std::string>& notes) {
  if (!data.target.empty())
    throw InputError(fmt::format("--target: {} is an array, which has no columns", input.name));
  std::vector<Part> parts = parts_of_archive(input, notes);
  if (parts.empty())
    parts.push_back(lone_part("", source_of_array(join_arrays(input).array, input.name)));
  return parts;
}

/// What a path holds: several parts where it is an archive of several arrays.
std::vector<Part> read_alone(const std::string& path, const DataOptions& data,
                             const Resolve& resolve, std::vector<std::string>& notes) {
  DataFiles files;
  files.query = data.train.query;
  SourceOptions options{.data = data, .key = "data", .target_optional = data.target.empty()};
  (data.target.empty() ? files.features : files.file) = path;
  std::vector<Part> parts;
  if (is_database(path) || !files.query.empty()) {
    parts.push_back(lone_part("", read_source(files, options, resolve)));
    return parts;
  }
  const Located located = resolve(path);  // once: it may be the standard input
  if (whole_format(located.files[0].file, data.format)) {
    files.file = path;
    files.features.clear();
    options.target_optional = true;
  } else if (const Input input = open_input(located, data.format);
             input.format->holds == Holds::array) {
    return parts_of_arrays(input, data, notes);
  }
  parts.push_back(lone_part("", read_source(files, options, [&](const std::string& inside) {
                              return inside == path ? located : resolve(inside);
                            })));
  return parts;
}

}  // namespace

Json inspect_splits(const LoadOptions& load, const std::string& name, int replicas) {
  SplitReader reader(load);
  DataSpec spec;
  reader.code().describe(spec);
  Json record = {{"name", name},
                 {"kind", "job"},
                 {"task", name_of(spec.task)},
                 {"target", reader.code().columns()},
                 {"files", Json::array()}};
  for (Part& part : reader.parts()) record["files"].push_back(describe_part(part, replicas));
  record["splits"] = describe_splits(reader.splits(), spec);
  add_notes(record, reader.notes());
  return record;
}

Json inspect_file(const std::filesystem::path& file, const DataOptions& data, int replicas) {
  CheckedFiles unchecked("false");
  const Resolve resolve =
      with_sources([&](const std::string& path) { return locate(path, unchecked); });
  std::vector<std::string> notes;
  std::vector<Part> parts = read_alone(file.string(), data, resolve, notes);
  std::optional<TargetCode> code;
  const Part& first = parts[0];
  if (first.source.target) code = TargetCode::decide(*first.source.target, data);
  Json record = {{"name", std::filesystem::path(shown_address(file.string())).filename().string()},
                 {"kind", "file"}};
  DataSpec spec;
  if (code) {
    code->describe(spec);
    record["task"] = name_of(spec.task);
    record["target"] = code->columns();
  }
  record["files"] = Json::array();
  for (Part& part : parts) record["files"].push_back(describe_part(part, replicas));
  record["splits"] = Json::array();
  if (code) record["splits"] = describe_splits({{"samples", &first, first.good}}, spec);
  add_notes(record, std::move(notes));
  return record;
}

}  // namespace convoy
