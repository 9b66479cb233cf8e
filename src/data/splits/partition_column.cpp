#include "data/splits/partition_column.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "convoy/core/error.hpp"
#include "convoy/data/partition/partitioner.hpp"
#include "convoy/data/preprocess/frame.hpp"
#include "data/formats/csv_lexer.hpp"
#include "data/records/record_set.hpp"
#include "data/splits/record_source.hpp"

namespace convoy {
namespace {

constexpr std::string_view word_for_target = "target";

bool is_ignored(const DataOptions& data, const std::string& name) {
  return std::find(data.csv.ignore.begin(), data.csv.ignore.end(), name) != data.csv.ignore.end();
}

std::vector<std::string> names_of(const Source& train) {
  std::vector<std::string> names;
  for (const Column& column : train.target->columns) names.push_back(column.name);
  for (const Column& column : train.columns) names.push_back(column.name);
  return names;
}

[[noreturn]] void fail_without_column(const Source& train, const std::string& name) {
  if (train.is_array()) {
    throw InputError(
        fmt::format("partition.value: {} is an array, which has no column {}; write "
                    "target",
                    train.file, in_quotes(name)));
  }
  throw InputError(fmt::format("partition.value: {} has no column {}; it has {}", train.file,
                               in_quotes(name), name_list(names_of(train))));
}

[[noreturn]] void fail_several_targets(const Source& train) {
  throw InputError(fmt::format("partition.value: there are {} target columns; name one of {}",
                               train.target->columns.size(), name_list(names_of(train))));
}

/// Of prepared data: read into memory, 4 or 8 bytes a sample.
Column column_of_records(Source& train, const DataOptions& data, const std::string& name) {
  const std::vector<Column>& targets = train.target->columns;
  const bool plain_target = name == word_for_target && !find_column(targets, name);
  if (plain_target && targets.size() > 1) fail_several_targets(train);
  auto column = record_column(*train.records, plain_target ? targets[0].name : name);
  if (!column) fail_without_column(train, name);
  if (!is_ignored(data, name) || find_column(targets, name)) return std::move(*column);
  auto view = std::make_shared<RecordView>(*train.records);
  for (std::size_t i = 0; i < train.columns.size(); ++i) {
    if (train.columns[i].name != name) continue;
    train.columns.erase(train.columns.begin() + static_cast<std::ptrdiff_t>(i));
    view->features.erase(view->features.begin() + static_cast<std::ptrdiff_t>(i));
    break;
  }
  if (train.columns.empty()) throw DataError(train.file, "has no feature columns");
  train.records = std::move(view);
  return std::move(*column);
}

}  // namespace

DataOptions with_partition_column(const DataOptions& data, const PartitionOptions& partition) {
  DataOptions options = data;
  if (const std::string column = column_looked_at(partition); !column.empty())
    std::erase(options.csv.ignore, column);
  return options;
}

Column partition_column(Source& train, const DataOptions& data, const PartitionOptions& partition) {
  const std::string name = column_looked_at(partition);
  std::vector<Column>& targets = train.target->columns;
  if (train.records) return column_of_records(train, data, name);
  if (name == word_for_target && targets.size() == 1) return targets[0];
  if (const Column* target = find_column(targets, name)) return *target;
  if (name == word_for_target) fail_several_targets(train);
  Column* const found = find_column(train.columns, name);
  if (found == nullptr) fail_without_column(train, name);
  if (!is_ignored(data, name)) return *found;
  Column taken = std::move(*found);
  train.columns.erase(train.columns.begin() + (found - train.columns.data()));
  if (train.columns.empty()) throw DataError(train.file, "has no feature columns");
  return taken;
}

}  // namespace convoy
