#include "data/splits/source.hpp"

#include <fmt/format.h>

#include "convoy/core/error.hpp"
#include "convoy/lanes/lane.hpp"
#include "data/formats/array.hpp"
#include "data/preprocess/array_pipeline.hpp"
#include "data/records/record_set.hpp"
#include "data/sources/address.hpp"
#include "data/sources/query_rows.hpp"
#include "data/splits/fingerprint.hpp"
#include "data/splits/joined.hpp"
#include "data/splits/table_file.hpp"
#include "data/splits/table_source.hpp"

namespace convoy {
namespace {

void check_keys(const DataFiles& files, const SourceOptions& options) {
  const auto fail = [&](const std::string& problem) {
    throw InputError(fmt::format("{}: {}", options.key, problem));
  };
  if (files.empty()) fail("no files; set `file` (a table), or `features` and `labels`");
  if (!files.file.empty() && !(files.features.empty() && files.labels.empty())) {
    fail("`file` holds features and target together; give either it or `features` and `labels`");
  }
  if (files.file.empty() && files.features.empty()) fail("`labels` without `features`");
  if (!files.features.empty() && files.labels.empty() && !options.target_optional)
    fail("`features` without `labels`");
  const FormatKind* format = format_named(options.data.format);
  if (format && format->whole && format->holds == Holds::samples && files.file.empty())
    fail(fmt::format("{} is its own target; give it as `file`, without labels", format->title));
  if (is_database(files.labels))
    fail("a database has features and target together; give it as `file`");
  if (!files.query.empty() && !is_database(files.file) && !is_database(files.features))
    fail(fmt::format("`query` is for databases, {}", alternatives(source_addresses(Gives::rows))));
}

[[noreturn]] void throw_holds_labels(const Input& input, const char* key,
                                     const SourceOptions& options) {
  throw InputError(
      fmt::format("{}.{}: {} is {}, which holds features and target together; give it as `file`",
                  options.key, key, input.name, input.format->title));
}

RawTarget read_labels(const Input& input, const SourceOptions& options, BadSamples& bad) {
  if (input.format->holds == Holds::samples) throw_holds_labels(input, "labels", options);
  if (input.format->holds == Holds::array) {
    const JoinedArray labels = join_arrays(input);
    return target_of_array(labels.array, labels.origin, options.skip() ? &bad : nullptr);
  }
  return read_label_table(TableFile(input, options.skip()), options, bad);
}

/// A file of labels beside a folder has a format of its own.
std::string labels_format(const SourceOptions& options) {
  const FormatKind* format = format_named(options.data.format);
  return format && format->whole ? "auto" : options.data.format;
}

/// By column: what other workers keep is not looked at.
void keep_own_elements(Source& source, const Input& input, const Origin& origin,
                       const SourceOptions& options) {
  Array& array = *source.array;
  source.whole = WholeFeatures{feature_shape(array), {}, array_checksum(array.bytes)};
  const auto elements = element_count(source.whole->shape, ElementType::u8);
  if (!elements) throw DataError(input.name, "samples have too many elements");
  const Range kept = options.cut->own_columns(static_cast<std::int64_t>(*elements));
  const bool mapped = input.files.size() == 1 && input.files[0].mapped;
  array = take_elements(array, kept, mapped ? input.files[0].bytes : std::span<const std::byte>{});
  check_finite(array, {0, source.rows}, origin, nullptr, static_cast<std::size_t>(kept.begin));
}

void read_array(Source& source, const Input& input, const DataFiles& files,
                const SourceOptions& options) {
  if (!files.file.empty() && !options.target_optional) {
    throw InputError(
        fmt::format("{}.file: {} is {}, an array and not a table; give such files as "
                    "`features` and `labels`",
                    options.key, input.name, input.format->title));
  }
  JoinedArray features = join_arrays(input);
  source.array = std::move(features.array);
  source.rows = source.array->shape.empty() ? 0 : source.array->rows();
  if (source.rows > 0 && source.array->bytes.empty()) {
    throw DataError(input.name,
                    fmt::format("samples of {} have no elements", shape_text(source.array->shape)));
  }
  if (options.cut) return keep_own_elements(source, input, features.origin, options);
  const Peers* const peers = options.skip() ? nullptr : options.peers;
  check_finite(*source.array,
               even_part(source.rows, peers ? peers->size() : 1, peers ? peers->rank() : 0),
               features.origin, options.skip() ? &source.bad : nullptr);
}

void read_samples(Source& source, const Input& input, const SourceOptions& options) {
  const bool sparse = input.format->sparse;
  SampleOptions wanted;
  wanted.width = options.roles ? options.roles->width : options.data.width;
  wanted.label_optional = options.target_optional;
  wanted.tolerant = options.skip();
  if (options.cut && sparse) {
    if (wanted.width == 0) {
      throw InputError(fmt::format(
          "data.width: is missing; with partition.by column it must be known how many features {} "
          "has before it is read",
          input.name));
    }
    wanted.columns = options.cut->own_columns(wanted.width);
  }
  auto [samples, origin] = join_samples(input, wanted);
  source.rows = samples.features.rows();
  source.bad.add(samples.bad);
  source.target =
      samples.classes > 0
          ? target_of_classes(std::move(samples.labels), samples.classes, origin)
          : target_of_labels(std::move(samples.labels), origin, options.data,
                             options.roles ? &options.roles->target_categorical : nullptr);
  if (options.target_optional && !has_values(*source.target)) source.target.reset();
  source.array = std::move(samples.features);
  if (options.cut && sparse)
    source.whole = WholeFeatures{{wanted.width}, {}, text_checksum(input.files)};
  else if (options.cut)
    keep_own_elements(source, input, origin, options);
}

void read_located(Source& source, const Located& located, const DataFiles& files,
                  const SourceOptions& options, const std::vector<std::string>& label_columns,
                  const Resolve& resolve) {
  if (const FormatKind* whole = whole_format(located.files[0].file, options.data.format)) {
    if (options.cut && !whole->guarantees.columns) {
      throw InputError(fmt::format(
          "partition.by: column is for tables and arrays; {} holds {}: partition by row",
          located.name, whole->title));
    }
    SourceRequest request{source, located, files, options, resolve};
    return whole->whole(request);
  }
  const Input input = open_input(located, options.data.format);
  source.file = input.name;
  const Holds holds = input.format->holds;
  if (holds == Holds::samples && !files.labels.empty())
    throw_holds_labels(input, "features", options);
  if (holds == Holds::samples)
    read_samples(source, input, options);
  else if (holds == Holds::array)
    read_array(source, input, files, options);
  else
    read_table(source,
               TableFile(input, options.skip(),
                         options.roles ? options.roles->features : std::vector<Column>{}),
               files, options, label_columns);
}

void read_database(Source& source, const std::string& address, const DataFiles& files,
                   const SourceOptions& options, const std::vector<std::string>& label_columns,
                   const Resolve& resolve) {
  const bool quiet = options.peers && options.peers->rank() > 0;
  const auto rows = open_query(address, files.query, resolve, quiet);
  source.file = rows->name();
  read_table(source, TableFile(*rows), files, options, label_columns);
}

}  // namespace

std::int64_t flat_width(const std::vector<std::int64_t>& sample_shape) {
  return sample_shape.size() == 1 ? sample_shape[0] : 0;
}

std::vector<std::int64_t> sample_shape(const Source& source) {
  if (source.whole) return source.whole->shape;
  return source.array ? feature_shape(*source.array)
                      : feature_shape(source.records->feature(0).shape);
}

ColumnRoles roles_of(const Source& train, const TargetCode& code) {
  ColumnRoles roles;
  for (const Column& column : train.columns) {
    roles.features.emplace_back();
    roles.features.back().name = column.name;
    roles.features.back().categorical = column.categorical;
  }
  roles.target = code.columns();
  roles.target_categorical = code.categorical();
  roles.tokenizer = train.tokenizer;
  if (train.is_array()) {
    roles.shape = sample_shape(train);
    roles.width = flat_width(roles.shape);
  }
  return roles;
}

bool visit_table(const DataFiles& files, const SourceOptions& options, const Resolve& resolve,
                 TableVisitor& visitor) {
  check_keys(files, options);
  const std::string& path = files.file.empty() ? files.features : files.file;
  const auto emit = [&](const TableFile& file) {
    std::optional<RawTarget> labels;
    BadSamples bad;
    if (!files.labels.empty())
      labels = read_labels(open_input(resolve(files.labels), options.data.format), options, bad);
    emit_table(file, files, options, std::move(labels), std::move(bad), visitor);
    return true;
  };
  if (is_database(path)) {
    const auto rows = open_query(path, files.query, resolve, false);
    return emit(TableFile(*rows));
  }
  const Located located = resolve(path);
  if (whole_format(located.files[0].file, options.data.format)) return false;
  const Input input = open_input(located, options.data.format);
  if (!input.format->streams()) return false;
  return emit(TableFile(input, options.skip(),
                        options.roles ? options.roles->features : std::vector<Column>{}));
}

Source read_source(const DataFiles& files, const SourceOptions& options, const Resolve& resolve) {
  check_keys(files, options);
  Source source;
  if (!files.labels.empty()) {
    const Input labels = open_input(resolve(files.labels), labels_format(options));
    source.target = read_labels(labels, options, source.bad);
  }
  const std::vector<std::string> label_columns = names_of_labels(source.target);
  const std::string& path = files.file.empty() ? files.features : files.file;
  if (is_database(path))
    read_database(source, path, files, options, label_columns, resolve);
  else
    read_located(source, resolve(path), files, options, label_columns, resolve);
  if (source.rows == 0 && !options.target_optional) throw DataError(source.file, "has no samples");
  if (!source.records) require_labels_for_all(source);
  return source;
}

}  // namespace convoy
