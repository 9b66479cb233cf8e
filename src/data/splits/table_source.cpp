#include "data/splits/table_source.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <iterator>
#include <map>
#include <numeric>
#include <unordered_set>

#include "convoy/core/error.hpp"
#include "convoy/data/preprocess/frame.hpp"
#include "convoy/lanes/lane.hpp"
#include "data/formats/csv_lexer.hpp"
#include "data/records/writer.hpp"

namespace convoy {

bool has_values(const RawTarget& target) {
  return std::any_of(target.columns.begin(), target.columns.end(), [](const Column& column) {
    return std::any_of(column.codes.begin(), column.codes.end(),
                       [](std::int32_t code) { return code >= 0; }) ||
           std::any_of(column.numbers.begin(), column.numbers.end(),
                       [](double x) { return x == x; });
  });
}

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

/// Columns that training did not have are not read where that saves the reading.
void leave_out_others(CsvOptions& csv, const TableFile& file, const ColumnRoles& roles) {
  std::unordered_set<std::string> needed(roles.target.begin(), roles.target.end());
  for (const Column& column : roles.features) needed.insert(column.name);
  csv.ignore.clear();
  for (const std::string& name : file.names(csv)) {
    if (!needed.contains(name)) csv.ignore.push_back(name);
  }
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
  if (file.reads_by_column() && options.roles && !options.cut)
    leave_out_others(plan.csv, file, *options.roles);
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

/// Tells a visitor of a table.
class TableEmitter {
 public:
  TableEmitter(const TableFile& file, const DataFiles& files, const SourceOptions& options,
               std::optional<RawTarget> labels, BadSamples bad_labels, TableVisitor& visitor)
      : file_(file),
        files_(files),
        options_(options),
        labels_(std::move(labels)),
        bad_labels_(std::move(bad_labels)),
        visitor_(visitor) {}

  void emit() {
    const TablePlan plan = plan_table(file_, files_, options_, names_of_labels(labels_));
    const CsvTolerance tolerance{options_.data.max_bad_samples, plan.numbers};
    file_.stream(plan.csv, options_.skip() ? &tolerance : nullptr, origin_,
                 [&](const TableStream& stream) {
                   begin(stream);
                   stream.read([&](Table piece) { emit_piece(std::move(piece)); });
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
    std::vector<NumberRange> ranges_of_columns;
    for (const Column& column : head.columns) ranges_of_columns.push_back(*ranges.at(column.name));
    if (labels_) {
      head.target = labels_;
      require_labels_for_all(head);
      for (const Column& column : labels_->columns) ranges_of_columns.push_back(range_of(column));
    } else if (head.target) {
      for (Column& column : head.target->columns) {
        const NumberRange& range = *ranges.at(column.name);
        ranges_of_columns.push_back(range);
        if (!column.categorical)
          column.numbers = deciding_numbers(range.low, range.high, range.whole);
      }
    }
    if (head.rows == 0) throw DataError(head.file, "has no samples");
    if (head.target) target_ = *head.target;
    visitor_.begin(head, ranges_of_columns);
  }

  void emit_piece(Table table) {
    Source piece;
    piece.file = file_.name();
    piece.bad.add(table.bad);
    take_columns(piece, std::move(table), file_, files_, options_, origin_);
    if (labels_) add_labels(piece);
    if (piece.target) {
      for (std::size_t i = 0; i < piece.target->columns.size(); ++i)
        piece.target->columns[i].categories = target_.columns[i].categories;
    }
    emitted_ += piece.rows;
    visitor_.piece(std::move(piece));
  }

  void add_labels(Source& piece) const {
    std::vector<std::int64_t> rows(static_cast<std::size_t>(piece.rows));
    std::iota(rows.begin(), rows.end(), emitted_);
    piece.target = *labels_;
    piece.target->columns = take_rows(labels_->columns, rows);
    for (const auto& [row, problem] : bad_labels_.within(emitted_, emitted_ + piece.rows))
      piece.bad.add(row - emitted_, problem);
  }

  const TableFile& file_;
  const DataFiles& files_;
  const SourceOptions& options_;
  std::optional<RawTarget> labels_;
  BadSamples bad_labels_;
  TableVisitor& visitor_;
  Origin origin_;
  RawTarget target_;  // its names and categories
  std::int64_t emitted_ = 0;
};

}  // namespace

RawTarget read_label_table(const TableFile& file, const SourceOptions& options, BadSamples& bad) {
  CsvOptions csv = labels_csv(file, options);
  cut_lists(csv, file, options, options.data.csv.ignore);
  std::vector<std::string> numbers;
  if (options.skip() && target_of_numbers(options)) numbers = file.names(csv);
  RawTarget target;
  target.columns = read_rows_of(file, csv, options, std::move(numbers), bad, target.file).columns;
  return target;
}

void read_table(Source& source, const TableFile& file, const DataFiles& files,
                const SourceOptions& options, const std::vector<std::string>& label_columns) {
  TablePlan plan = plan_table(file, files, options, label_columns);
  if (options.cut) keep_own_columns(source, file, plan.csv, files, options);
  Origin origin;
  Table table = read_rows_of(file, plan.csv, options, std::move(plan.numbers), source.bad, origin);
  take_columns(source, std::move(table), file, files, options, origin);
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

void emit_table(const TableFile& file, const DataFiles& files, const SourceOptions& options,
                std::optional<RawTarget> labels, BadSamples bad_labels, TableVisitor& visitor) {
  TableEmitter(file, files, options, std::move(labels), std::move(bad_labels), visitor).emit();
}

std::vector<double> deciding_numbers(double low, double high, bool whole) {
  std::vector<double> numbers{low, high};
  if (!whole && !std::isnan(low)) numbers.push_back(0.5);
  return numbers;
}

}  // namespace convoy
