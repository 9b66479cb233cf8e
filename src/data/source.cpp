#include "data/source.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <iterator>
#include <map>
#include <numeric>
#include <unordered_set>

#include "convoy/core/error.hpp"
#include "convoy/lanes/lane.hpp"
#include "data/array.hpp"
#include "data/array_pipeline.hpp"
#include "data/csv_lexer.hpp"
#include "data/fingerprint.hpp"
#include "data/frame.hpp"
#include "data/images/image_source.hpp"
#include "data/joined.hpp"
#include "data/records/record_set.hpp"
#include "data/records/record_source.hpp"
#include "data/records/writer.hpp"
#include "data/sources/address.hpp"
#include "data/sources/query_rows.hpp"
#include "data/table_file.hpp"
#include "data/text/text_source.hpp"

namespace convoy {
namespace {

bool contains(const std::vector<std::string>& names, const std::string& name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

std::vector<std::string> only_known(const std::vector<std::string>& names,
                                    const std::vector<std::string>& known) {
  std::vector<std::string> out;
  std::copy_if(names.begin(), names.end(), std::back_inserter(out),
               [&](const auto& n) { return contains(known, n); });
  return out;
}

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
  if (options.data.format == "text" && files.file.empty())
    fail("text is its own target: what comes next; give it as `file`, without labels");
  if (is_database(files.labels))
    fail("a database has features and target together; give it as `file`");
  if (!files.query.empty() && !is_database(files.file) && !is_database(files.features))
    fail("`query` is for databases, sqlite:FILE.db and postgresql://HOST/DATABASE");
}

/// The names csv.columns gives to a file that lacks the target columns, as new data may.
void leave_out_target(CsvOptions& csv, const TableFile& file,
                      const std::vector<std::string>& target) {
  if (csv.header == "true" || csv.columns.empty()) return;
  std::vector<std::string> features;
  std::copy_if(csv.columns.begin(), csv.columns.end(), std::back_inserter(features),
               [&](const auto& name) { return !contains(target, name); });
  if (file.width(csv) == features.size()) csv.columns = std::move(features);
}

/// Options for a features file: types as training had them; lists cut down to the columns that
/// are there.
CsvOptions features_csv(const TableFile& file, const SourceOptions& options) {
  CsvOptions csv = file.options(options.data.csv);
  if (options.roles) {
    for (const Column& column : options.roles->features) {
      if (column.categorical) csv.categorical.push_back(column.name);
    }
    if (options.roles->target_categorical) {
      csv.categorical.insert(csv.categorical.end(), options.roles->target.begin(),
                             options.roles->target.end());
    }
    leave_out_target(csv, file, options.roles->target);
  }
  return csv;
}

/// The same for a file of labels, whose columns the job's csv.columns does not describe.
CsvOptions labels_csv(const TableFile& file, const SourceOptions& options) {
  CsvOptions csv = file.options(options.data.csv);
  if (csv.header != "true") {
    const std::size_t width = file.width(csv);
    if (csv.columns.size() != width) csv.columns = options.data.target;
    if (csv.columns.size() != width) csv.columns.clear();
    if (csv.columns.empty() && width == 1) csv.columns = {"target"};
  }
  if (options.roles && options.roles->target_categorical) csv.categorical = file.names(csv);
  return csv;
}

/// Removes from the lists what this file does not have. Names no file has are an error for training
/// files.
void cut_lists(CsvOptions& csv, const TableFile& file, const SourceOptions& options,
               const std::vector<std::string>& elsewhere) {
  const std::vector<std::string> names = file.names(csv);
  const auto check = [&](const std::vector<std::string>& wanted, const char* key) {
    for (const std::string& name : wanted) {
      if (options.roles || contains(names, name) || contains(elsewhere, name)) continue;
      throw InputError(fmt::format("data.csv.{}: {} has no column {}; it has {}", key, file.name(),
                                   in_quotes(name), name_list(names)));
    }
  };
  check(csv.ignore, "ignore");
  check(csv.categorical, "categorical");
  csv.ignore = only_known(csv.ignore, names);
  csv.categorical = only_known(csv.categorical, names);
}

/// Moves the target columns out of the table, in the order of `target`.
std::optional<RawTarget> take_target(Table& table, const Origin& file,
                                     const SourceOptions& options) {
  const std::vector<std::string>& wanted =
      options.roles ? options.roles->target : options.data.target;
  RawTarget target;
  target.file = file;
  for (const std::string& name : wanted) {
    const auto found = std::find_if(table.columns.begin(), table.columns.end(),
                                    [&](const Column& column) { return column.name == name; });
    if (found == table.columns.end()) {
      if (options.target_optional) continue;
      std::vector<std::string> names;
      for (const Column& column : table.columns) names.push_back(column.name);
      throw InputError(fmt::format("data.target: {} has no column {}; it has {}", file.name(),
                                   in_quotes(name), name_list(names)));
    }
    target.columns.push_back(std::move(*found));
    table.columns.erase(found);
  }
  if (target.columns.size() < wanted.size()) return std::nullopt;
  return target;
}

/// New data often has the target column with nothing in it.
bool has_values(const RawTarget& target) {
  return std::any_of(target.columns.begin(), target.columns.end(), [](const Column& column) {
    return std::any_of(column.codes.begin(), column.codes.end(),
                       [](std::int32_t code) { return code >= 0; }) ||
           std::any_of(column.numbers.begin(), column.numbers.end(),
                       [](double x) { return x == x; });
  });
}

/// Parses; rows that are to be skipped end in `bad`. `numbers`: columns that are of numbers.
Table read_rows_of(const TableFile& file, const CsvOptions& csv, const SourceOptions& options,
                   std::vector<std::string> numbers, BadSamples& bad, Origin& origin) {
  if (!options.skip()) return file.read(csv, nullptr, origin);
  const CsvTolerance tolerance{options.data.max_bad_samples, std::move(numbers)};
  Table table = file.read(csv, &tolerance, origin);
  bad.add(table.bad);
  return table;
}

/// Whether it is known without looking that the target is numbers.
bool target_of_numbers(const SourceOptions& options) {
  return options.roles ? !options.roles->target_categorical : options.data.task == "regression";
}

[[noreturn]] void throw_holds_labels(const Input& input, const char* key,
                                     const SourceOptions& options) {
  throw InputError(
      fmt::format("{}.{}: {} is {}, which holds features and target together; give it as `file`",
                  options.key, key, input.name, name_of(input.format)));
}

RawTarget read_labels(const Input& input, const SourceOptions& options, BadSamples& bad) {
  if (holds_labels(input.format)) throw_holds_labels(input, "labels", options);
  if (is_array(input.format)) {
    const JoinedArray labels = join_arrays(input);
    return target_of_array(labels.array, labels.origin, options.skip() ? &bad : nullptr);
  }
  const TableFile file(input, options.skip());
  CsvOptions csv = labels_csv(file, options);
  cut_lists(csv, file, options, options.data.csv.ignore);
  std::vector<std::string> numbers;
  if (options.skip() && target_of_numbers(options)) numbers = file.names(csv);
  RawTarget target;
  target.columns = read_rows_of(file, csv, options, std::move(numbers), bad, target.file).columns;
  return target;
}

/// Training's columns, in training's order.
std::vector<Column> match_columns(std::vector<Column> columns, const std::vector<Column>& wanted,
                                  const std::string& file) {
  std::vector<Column> out;
  for (const Column& role : wanted) {
    const auto found = std::find_if(columns.begin(), columns.end(),
                                    [&](const Column& c) { return c.name == role.name; });
    if (found == columns.end()) {
      std::vector<std::string> names;
      for (const Column& column : columns) names.push_back(column.name);
      throw DataError(file, fmt::format("no column {}, which the training data has; there are {}",
                                        in_quotes(role.name), name_list(names)));
    }
    if (found->categorical && !role.categorical) {
      throw DataError(
          file, fmt::format("column {} holds text ({}) where the training data has numbers",
                            in_quotes(role.name),
                            in_quotes(found->categories.empty() ? "" : found->categories[0])));
    }
    out.push_back(*found);
  }
  return out;
}

/// All columns that are neither of the target nor left out, whether this worker keeps them or not.
std::vector<std::string> all_features(const TableFile& file, const CsvOptions& csv,
                                      const DataFiles& files, const SourceOptions& options) {
  std::unordered_set<std::string> others(csv.ignore.begin(), csv.ignore.end());
  if (!files.file.empty()) {
    const auto& target = options.roles ? options.roles->target : options.data.target;
    others.insert(target.begin(), target.end());
  }
  std::vector<std::string> features = file.names(csv);
  std::erase_if(features, [&](const std::string& name) { return others.contains(name); });
  return features;
}

/// By column: leaves out what other workers keep.
void keep_own_columns(Source& source, const TableFile& file, CsvOptions& csv,
                      const DataFiles& files, const SourceOptions& options) {
  source.whole = WholeFeatures{{}, all_features(file, csv, files, options), file.checksum()};
  const std::vector<std::string>& all = source.whole->columns;
  std::unordered_set<std::string> own;
  if (options.roles) {
    for (const Column& column : options.roles->features) own.insert(column.name);
  } else {
    const Range kept = options.cut->own_columns(static_cast<std::int64_t>(all.size()));
    own.insert(all.begin() + kept.begin, all.begin() + kept.end);
  }
  std::copy_if(all.begin(), all.end(), std::back_inserter(csv.ignore),
               [&](const std::string& name) { return !own.contains(name); });
}

/// How a file of features, or of features and target, is read.
struct TablePlan {
  CsvOptions csv;
  std::vector<std::string> numbers;  // columns that are of numbers whatever they hold
};

TablePlan plan_table(const TableFile& file, const DataFiles& files, const SourceOptions& options,
                     const std::vector<std::string>& label_columns) {
  if (!files.file.empty() && options.data.target.empty() && !options.roles)
    throw InputError("data.target: name the column that is to be predicted");
  TablePlan plan{features_csv(file, options), {}};
  cut_lists(plan.csv, file, options, label_columns);
  std::vector<std::string>& numbers = plan.numbers;
  if (options.roles) {
    for (const Column& column : options.roles->features) {
      if (!column.categorical) numbers.push_back(column.name);
    }
  }
  if (target_of_numbers(options)) {
    const std::vector<std::string>& target =
        options.roles ? options.roles->target : options.data.target;
    numbers.insert(numbers.end(), target.begin(), target.end());
  }
  return plan;
}

/// Columns and target of what was read of a table.
void take_columns(Source& source, Table table, const TableFile& file, const DataFiles& files,
                  const SourceOptions& options, const Origin& origin) {
  source.rows = table.rows;
  if (!files.file.empty()) {
    source.target = take_target(table, origin, options);
    if (source.target && options.target_optional && !has_values(*source.target))
      source.target.reset();
  }
  source.columns =
      options.roles ? match_columns(std::move(table.columns), options.roles->features, file.name())
                    : std::move(table.columns);
  if (source.columns.empty()) throw DataError(file.name(), "has no feature columns");
}

void read_table(Source& source, const TableFile& file, const DataFiles& files,
                const SourceOptions& options, const std::vector<std::string>& label_columns) {
  TablePlan plan = plan_table(file, files, options, label_columns);
  if (options.cut) keep_own_columns(source, file, plan.csv, files, options);
  Origin origin;
  Table table = read_rows_of(file, plan.csv, options, std::move(plan.numbers), source.bad, origin);
  take_columns(source, std::move(table), file, files, options, origin);
}

bool is_image_or_text(const Located& located, const SourceOptions& options) {
  return options.data.format == "images" || options.data.format == "text" ||
         std::filesystem::is_directory(located.files[0].file);
}

std::vector<std::string> names_of_labels(const std::optional<RawTarget>& target) {
  std::vector<std::string> names;
  if (!target) return names;
  for (const Column& column : target->columns) names.push_back(column.name);
  return names;
}

void require_labels_for_all(const Source& source) {
  if (!source.target || source.target->rows() == source.rows) return;
  throw DataError(source.target->file.name(),
                  fmt::format("has {} labels, but {} has {} samples", source.target->rows(),
                              source.file, source.rows));
}

/// Tells a visitor of a table.
class TableTelling {
 public:
  TableTelling(const TableFile& file, const DataFiles& files, const SourceOptions& options,
               std::optional<RawTarget> labels, BadSamples bad_labels, TableVisitor& visitor)
      : file_(file),
        files_(files),
        options_(options),
        labels_(std::move(labels)),
        bad_labels_(std::move(bad_labels)),
        visitor_(visitor) {}

  void tell() {
    const TablePlan plan = plan_table(file_, files_, options_, names_of_labels(labels_));
    const CsvTolerance tolerance{options_.data.max_bad_samples, plan.numbers};
    file_.stream(plan.csv, options_.skip() ? &tolerance : nullptr, origin_,
                 [&](const TableStream& stream) {
                   begin(stream);
                   stream.read([&](Table piece) { tell_piece(std::move(piece)); });
                 });
  }

 private:
  void begin(const TableStream& stream) {
    std::map<std::string, const NumberRange*> ranges;
    for (std::size_t i = 0; i < stream.head().columns.size(); ++i)
      ranges[stream.head().columns[i].name] = &stream.ranges()[i];
    Source head;
    head.file = file_.name();
    Table table;
    table.columns = stream.head().columns;
    table.rows = stream.head().rows;
    take_columns(head, std::move(table), file_, files_, options_, origin_);
    std::vector<NumberRange> told;
    for (const Column& column : head.columns) told.push_back(*ranges.at(column.name));
    if (labels_) {
      head.target = labels_;
      require_labels_for_all(head);
      for (const Column& column : labels_->columns) told.push_back(range_of(column));
    } else if (head.target) {
      for (Column& column : head.target->columns) {
        const NumberRange& range = *ranges.at(column.name);
        told.push_back(range);
        if (!column.categorical)
          column.numbers = deciding_numbers(range.low, range.high, range.whole);
      }
    }
    if (head.rows == 0) throw DataError(head.file, "has no samples");
    if (head.target) target_ = *head.target;
    visitor_.begin(head, told);
  }

  void tell_piece(Table table) {
    Source piece;
    piece.file = file_.name();
    piece.bad.add(table.bad);
    take_columns(piece, std::move(table), file_, files_, options_, origin_);
    if (labels_) add_labels(piece);
    if (piece.target) {
      for (std::size_t i = 0; i < piece.target->columns.size(); ++i)
        piece.target->columns[i].categories = target_.columns[i].categories;
    }
    told_ += piece.rows;
    visitor_.piece(std::move(piece));
  }

  void add_labels(Source& piece) const {
    std::vector<std::int64_t> rows(static_cast<std::size_t>(piece.rows));
    std::iota(rows.begin(), rows.end(), told_);
    piece.target = *labels_;
    piece.target->columns = take_rows(labels_->columns, rows);
    for (const auto& [row, problem] : bad_labels_.within(told_, told_ + piece.rows))
      piece.bad.add(row - told_, problem);
  }

  const TableFile& file_;
  const DataFiles& files_;
  const SourceOptions& options_;
  std::optional<RawTarget> labels_;
  BadSamples bad_labels_;
  TableVisitor& visitor_;
  Origin origin_;
  RawTarget target_;  // its names and categories
  std::int64_t told_ = 0;
};

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
                    options.key, input.name, name_of(input.format)));
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

void read_libsvm(Source& source, const Input& input, const SourceOptions& options) {
  LibsvmOptions sparse;
  sparse.width = options.roles ? options.roles->width : options.data.width;
  sparse.label_optional = options.target_optional;
  sparse.tolerant = options.skip();
  if (options.cut) {
    if (sparse.width == 0) {
      throw InputError(fmt::format(
          "data.width: is missing; with partition.by column it must be known how many features {} "
          "has before it is read",
          input.name));
    }
    sparse.columns = options.cut->own_columns(sparse.width);
  }
  auto [samples, origin] = join_libsvm(input, sparse);
  source.rows = samples.features.rows();
  source.bad.add(samples.bad);
  source.target = target_of_labels(std::move(samples.labels), origin, options.data,
                                   options.roles ? &options.roles->target_categorical : nullptr);
  if (options.target_optional && !has_values(*source.target)) source.target.reset();
  source.array = std::move(samples.features);
  if (options.cut) source.whole = WholeFeatures{{sparse.width}, {}, text_checksum(input.files)};
}

void read_cifar(Source& source, const Input& input, const SourceOptions& options) {
  JoinedCifar samples = join_cifar(input);
  source.rows = samples.features.array.rows();
  source.target = target_of_array(samples.labels, samples.features.origin);
  source.target->classes = samples.classes;
  source.array = std::move(samples.features.array);
  if (options.cut) keep_own_elements(source, input, samples.features.origin, options);
}

void read_located(Source& source, const Located& located, const DataFiles& files,
                  const SourceOptions& options, const std::vector<std::string>& label_columns,
                  const Resolve& resolve) {
  if (options.data.format == "records" || is_record_folder(located.files[0].file)) {
    if (options.cut) {
      throw InputError(fmt::format(
          "partition.by: column is for tables and arrays; {} holds prepared data, whole rows: "
          "partition by row",
          located.name));
    }
    return read_records(source, located, files, options, resolve);
  }
  if (options.cut && (options.data.format == "images" || options.data.format == "text" ||
                      std::filesystem::is_directory(located.files[0].file))) {
    throw InputError(fmt::format(
        "partition.by: column is for tables and arrays; {} holds images or text: partition by row",
        located.name));
  }
  if (options.data.format == "images" || std::filesystem::is_directory(located.files[0].file))
    return read_images(source, located, files, options, resolve);
  if (options.data.format == "text") return read_text(source, located, options);
  const Input input = open_input(located, options.data.format);
  source.file = input.name;
  if (holds_labels(input.format) && !files.labels.empty())
    throw_holds_labels(input, "features", options);
  if (input.format == Format::libsvm)
    read_libsvm(source, input, options);
  else if (is_cifar(input.format))
    read_cifar(source, input, options);
  else if (is_array(input.format))
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

std::vector<double> deciding_numbers(double low, double high, bool whole) {
  std::vector<double> numbers{low, high};
  if (!whole && !std::isnan(low)) numbers.push_back(0.5);
  return numbers;
}

bool visit_table(const DataFiles& files, const SourceOptions& options, const Resolve& resolve,
                 TableVisitor& visitor) {
  check_keys(files, options);
  const std::string& path = files.file.empty() ? files.features : files.file;
  const auto tell = [&](const TableFile& file) {
    std::optional<RawTarget> labels;
    BadSamples bad;
    if (!files.labels.empty())
      labels = read_labels(open_input(resolve(files.labels), options.data.format), options, bad);
    TableTelling(file, files, options, std::move(labels), std::move(bad), visitor).tell();
    return true;
  };
  if (is_database(path)) {
    const auto rows = open_query(path, files.query, resolve, false);
    return tell(TableFile(*rows));
  }
  const Located located = resolve(path);
  if (is_image_or_text(located, options) || options.data.format == "records") return false;
  const Input input = open_input(located, options.data.format);
  if (is_array(input.format) || holds_labels(input.format)) return false;
  return tell(TableFile(input, options.skip(),
                        options.roles ? options.roles->features : std::vector<Column>{}));
}

Source read_source(const DataFiles& files, const SourceOptions& options, const Resolve& resolve) {
  check_keys(files, options);
  Source source;
  if (!files.labels.empty()) {
    const Input labels = open_input(resolve(files.labels),
                                    options.data.format == "images" ? "auto" : options.data.format);
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
