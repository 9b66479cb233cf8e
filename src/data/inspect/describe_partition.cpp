#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <numeric>

#include "convoy/core/error.hpp"
#include "convoy/data/inspect/partition.hpp"
#include "convoy/data/load.hpp"
#include "data/formats/csv_lexer.hpp"
#include "data/inspect/partition_advice.hpp"
#include "data/inspect/partition_measure.hpp"
#include "data/partition/schedule.hpp"
#include "data/partition/values.hpp"
#include "schema/json.hpp"

namespace convoy {
namespace {

using Json = nlohmann::ordered_json;

/// What the training split is to its partition.
struct PartitionedData {
  std::int64_t samples = 0;
  std::int64_t bytes_per_sample = 0;  ///< of the features as a network gets them
  std::int64_t block = 1;             ///< what partition.block: 0 means
  std::string target;
  SampleLabels labels;
  Column values;
  std::vector<std::int64_t> sizes;  ///< by size: of each sample
};

/// What is partitioned, and how.
struct Given {
  LoadOptions load;
  BatchOptions batches;
};

/// What to load to know the values of `value`, the partition's own, or nothing but the target.
PartitionOptions partition_to_load(const PartitionOptions& own, const std::string& value) {
  PartitionOptions partition = own;
  if (column_parts(own)) partition = {.by = "row", .order = own.order};  // of the same samples
  if (!value.empty() && value != column_looked_at(own)) {
    partition.by = "value";
    partition.own = ByValue{.value = value};
  }
  return partition;
}

/// The (first) target of each sample, as it is in the files: classes by name, else numbers.
Column target_of(const Dataset& dataset, const std::string& name) {
  constexpr std::int64_t at_once = 1024;
  Column column;
  column.name = name;
  column.categorical = dataset.spec().task != Task::regression;
  column.categories = dataset.spec().class_names;
  std::vector<std::int64_t> rows;
  for (std::int64_t first = 0; first < dataset.size(); first += at_once) {
    rows.resize(static_cast<std::size_t>(std::min(at_once, dataset.size() - first)));
    std::iota(rows.begin(), rows.end(), first);
    const torch::Tensor target =
        dataset.read(rows).target.view({std::ssize(rows), -1}).select(1, 0).to(torch::kDouble);
    for (std::int64_t i = 0; i < target.size(0); ++i) {
      const auto value = target[i].item<double>();
      if (column.categorical)
        column.codes.push_back(static_cast<std::int32_t>(value));
      else
        column.numbers.push_back(value);
    }
  }
  return column;
}

/// `value` empty: what is partitioned by, or the target.
PartitionedData load_partitioned(LoadOptions load, const std::string& value) {
  PartitionedData data;
  const PartitionOptions partition = partition_to_load(load.partition, value);
  load.partition = partition;
  Splits splits = load_splits(load);
  data.samples = splits.train->size();
  data.block = splits.block;
  const DataSpec& spec = splits.train->spec();
  data.bytes_per_sample =
      std::accumulate(spec.feature_shape.begin(), spec.feature_shape.end(),
                      static_cast<std::int64_t>(sizeof(float)), std::multiplies<>());
  data.target = splits.fitted.at("target").at("columns").at(0).get<std::string>();
  Column target = target_of(*splits.train, data.target);
  data.labels = sample_labels(target, spec.task == Task::regression);
  const LooksAt what = looks_at(partition);
  if (what == LooksAt::sizes) data.sizes = sample_sizes(splits.values);
  data.values = what == LooksAt::values ? std::move(splits.values) : std::move(target);
  return data;
}

void add_groups_summary(Json& json, const GroupMeasure& groups) {
  json["largest_of_mean"] = groups.largest_of_mean;
  json["empty"] = groups.empty;
  json["skew_mean"] = groups.skew_mean;
  json["skew_most"] = groups.skew_most;
}

/// The label that a lane has most too many of.
Json most_over(const LabelCounts& counts, std::int64_t size, const PartitionedData& data) {
  double most = 0;
  std::size_t label = 0;
  for (std::size_t i = 0; i < counts.size(); ++i) {
    const double expected = static_cast<double>(data.labels.counts[i]) * static_cast<double>(size) /
                            static_cast<double>(data.samples);
    if (expected > 0 && static_cast<double>(counts[i]) / expected > most) {
      most = static_cast<double>(counts[i]) / expected;
      label = i;
    }
  }
  if (size == 0) return {};
  return {{"label", data.labels.names[label]}, {"times", most}};
}

void add_samples(Json& json, const LabelCounts& counts, const PartitionedData& data) {
  const auto size = std::accumulate(counts.begin(), counts.end(), std::int64_t{0});
  json["samples"] = size;
  json["part"] = static_cast<double>(size) / static_cast<double>(data.samples);
  json["bytes"] = size * data.bytes_per_sample;
  json["counts"] = counts;
  json["entropy"] = label_entropy(counts);
  if (Json over = most_over(counts, size, data); !over.is_null()) json["over"] = std::move(over);
  json["skew"] = label_distance(counts, data.labels.counts);
}

int owner_of(const std::vector<Range>& owners, std::int64_t lane) {
  const auto found = std::find_if(owners.begin(), owners.end(), [&](const Range& owned) {
    return owned.begin <= lane && lane < owned.end;
  });
  return static_cast<int>(found - owners.begin());
}

Json describe_lanes(const GroupMeasure& lanes, const PartitionQuery& query,
                    const PartitionedData& data) {
  const auto count = static_cast<std::int64_t>(lanes.groups.size());
  const std::vector<Range> workers = even_ownership(count, std::max(1, query.workers));
  Json json = Json::array();
  for (std::int64_t lane = 0; lane < count; ++lane) {
    Json one = {{"lane", lane}};
    const int worker = owner_of(workers, lane);
    const Range& owned = workers[static_cast<std::size_t>(worker)];
    if (query.workers > 0) one["worker"] = worker;
    if (query.replicas > 0)
      one["replica"] = owner_of(even_ownership(owned.size(), query.replicas), lane - owned.begin);
    add_samples(one, lanes.groups[static_cast<std::size_t>(lane)], data);
    json.push_back(std::move(one));
  }
  return json;
}

Json describe_workers(const GroupMeasure& workers, const PartitionedData& data) {
  Json json = Json::array();
  for (const LabelCounts& counts : workers.groups) {
    Json one = {{"worker", json.size()}};
    add_samples(one, counts, data);
    json.push_back(std::move(one));
  }
  return json;
}

SampleValues coded_values(const Given& given, const PartitionedData& data) {
  SampleValues values = sample_values(data.values, given.load.seed, true);
  values.sizes = data.sizes;
  return values;
}

std::int64_t lanes_in(const Given& given, const PartitionedData& data) {
  return checked_lanes(given.batches, batch_of(given.batches, data.samples));
}

/// The schedule, but partitioned so.
std::unique_ptr<const SampleSchedule> schedule_as(const Given& given,
                                                  const PartitionOptions& partition,
                                                  const SampleValues& values,
                                                  const PartitionedData& data) {
  return make_schedule(partition, given.batches, given.load.seed, data.samples, values);
}

/// The given partition, where it is of that kind; else one of it, in the given order.
PartitionOptions partition_by(const Given& given, const PartitionedData& data, const char* by) {
  PartitionOptions partition = given.load.partition;
  if (partition.by != by) {
    partition.by = by;
    partition.own = partitioners().get(by).options;
    read_in_blocks(partition, data.block);
  }
  return partition;
}

/// How samples are assigned to lanes, of partitions that have a choice of it.
std::string assignment_of(const PartitionOptions& partition) {
  const Json options = schema::json_of(partition);
  return options.contains("assign") ? options["assign"].get<std::string>() : "";
}

PartitionMeasure measure_as(const Given& given, const PartitionOptions& partition,
                            const SampleValues& values, const PartitionedData& data,
                            std::int64_t epoch) {
  const auto schedule = schedule_as(given, partition, values, data);
  return measure_partition(*schedule, lanes_in(given, data), epoch, data.labels);
}

/// By size: how much of the work is padding, beside the same samples by row.
Json describe_padding(const Given& given, const SampleValues& values, const PartitionedData& data,
                      std::int64_t epoch) {
  const auto part = [&](const PartitionOptions& partition) {
    return padding_part(*schedule_as(given, partition, values, data), lanes_in(given, data), epoch,
                        data.sizes);
  };
  return {{"by_size", part(given.load.partition)},
          {"by_row", part(partition_by(given, data, "row"))}};
}

std::vector<Contestant> measure_all(const Given& given, const SampleValues& values,
                                    const PartitionedData& data, const PartitionQuery& query) {
  std::vector<Contestant> contestants;
  const auto add = [&](const char* by, auto options, const char* assign) {
    PartitionOptions partition = partition_by(given, data, by);
    options = partition.own.as<decltype(options)>();
    options.assign = assign;
    partition.own = options;
    const PartitionMeasure measure = measure_as(given, partition, values, data, query.epoch);
    contestants.push_back({by, assign, measure.batch_mean, measure.batch_most,
                           measure.smallest_batch, measure.largest_batch,
                           measure_groups(measure, query.workers, data.labels)});
  };
  add("row", ByRow{}, "block");
  add("row", ByRow{}, "cyclic");
  add("value", ByValue{}, "stratified");
  add("value", ByValue{}, "hash");
  add("value", ByValue{}, "range");
  if (!data.sizes.empty()) add("size", BySize{}, "block");
  return contestants;
}

void count_values(const SampleValues& values, PartitionFacts& facts) {
  std::vector<std::int64_t> counts(values.hashes.size(), 0);
  for (const std::uint32_t code : values.codes) ++counts[code];
  std::erase(counts, 0);
  std::sort(counts.begin(), counts.end());
  facts.values = static_cast<std::int64_t>(counts.size());
  facts.samples_a_value = counts.empty() ? 0 : counts[counts.size() / 2];
}

PartitionFacts gather_facts(const Given& given, const SampleValues& values,
                            const PartitionedData& data, const PartitionQuery& query) {
  PartitionFacts facts;
  facts.sequential = given.load.partition.order == "sequential";
  facts.own_steps = query.own_steps;
  facts.strategy = query.strategy;
  facts.several_workers = query.workers > 0;
  facts.labels = data.labels;
  facts.value = data.values.name;
  facts.value_is_target = data.values.name == data.target;
  count_values(values, facts);
  const auto batch_mean = [&](const char* order) {
    PartitionOptions partition;
    partition.order = order;
    return measure_as(given, partition, values, data, query.epoch).batch_mean;
  };
  facts.batch_in_sequence = batch_mean("sequential");
  facts.batch_shuffled = batch_mean("shuffled");
  facts.contestants = measure_all(given, values, data, query);
  return facts;
}

/// `record`: what has been measured of the partition that is given.
Json explain(const Given& given, const SampleValues& values, const PartitionedData& data,
             const PartitionQuery& query, const Json& record) {
  PartitionFacts facts = gather_facts(given, values, data, query);
  facts.steps = record["steps"];
  Json json = {{"contestants", Json::array()}};
  for (const Contestant& contestant : facts.contestants) {
    Json one = {{"by", contestant.by}, {"assign", contestant.assign}};
    add_groups_summary(one, contestant.groups);
    one["smallest_batch"] = contestant.smallest_batch;
    one["largest_batch"] = contestant.largest_batch;
    one["batch_mean"] = contestant.batch_mean;
    one["batch_most"] = contestant.batch_most;
    json["contestants"].push_back(std::move(one));
  }
  if (record.contains("padding")) {
    facts.padding_by_size = record["padding"]["by_size"];
    facts.padding_by_row = record["padding"]["by_row"];
  }
  const PartitionAdvice advice = advise_partition(facts);
  json["value"] = facts.value;
  json["values"] = facts.values;
  json["samples_a_value"] = facts.samples_a_value;
  json["batch_in_sequence"] = facts.batch_in_sequence;
  json["batch_shuffled"] = facts.batch_shuffled;
  json["suits"] = {{"by", advice.by}, {"assign", advice.assign}};
  json["reasons"] = advice.reasons;
  return json;
}

Json describe_labels(const SampleLabels& labels) {
  Json json = Json::array();
  for (std::size_t i = 0; i < labels.names.size(); ++i)
    json.push_back({{"label", labels.names[i]}, {"count", labels.counts[i]}});
  return json;
}

}  // namespace

Json describe_partition(const LoadOptions& load, const BatchOptions& batches,
                        const PartitionQuery& query) {
  Given given{load, batches};
  PartitionOptions& partition = given.load.partition;
  constexpr std::int64_t last_epoch = 1'000'000'000;
  if (query.workers < 0 || query.replicas < 0 || query.epoch < 0 || query.epoch > last_epoch)
    throw InputError("impossible workers, replicas or epoch");
  const std::string looked_at = column_looked_at(partition);
  if (looks_at(partition) == LooksAt::values && !query.value.empty() && query.value != looked_at) {
    throw InputError(
        fmt::format("--value: the job partitions by {} already; use --set partition.value=NAME",
                    in_quotes(looked_at)));
  }
  if (looks_at(partition) == LooksAt::sizes && !query.value.empty()) {
    throw InputError(
        fmt::format("--value: the job partitions by {}; compare values with --set partition=row",
                    partition.by));
  }
  PartitionedData data = load_partitioned(given.load, query.value);
  read_in_blocks(partition, data.block);
  const SampleValues values = coded_values(given, data);
  const auto schedule = schedule_as(given, partition, values, data);
  const PartitionMeasure measure =
      measure_partition(*schedule, lanes_in(given, data), query.epoch, data.labels);
  const GroupMeasure of_lanes = measure_groups(measure, 0, data.labels);
  Json record = {{"name", query.name},
                 {"samples", data.samples},
                 {"batch", batch_of(given.batches, data.samples)},
                 {"steps", schedule->steps_per_epoch()},
                 {"epoch", query.epoch},
                 {"bytes_per_sample", data.bytes_per_sample},
                 {"by", partition.by},
                 {"assign", assignment_of(partition)},
                 {"order", partition.order}};
  if (looks_at(partition) == LooksAt::values) record["value"] = data.values.name;
  record["target"] = data.target;
  record["label_parts"] = data.labels.parts;
  record["labels"] = describe_labels(data.labels);
  record["lanes"] = describe_lanes(of_lanes, query, data);
  const GroupMeasure groups = measure_groups(measure, query.workers, data.labels);
  if (query.workers > 0) record["workers"] = describe_workers(groups, data);
  add_groups_summary(record, groups);
  record["batches"] = {{"smallest", measure.smallest_batch},
                       {"largest", measure.largest_batch},
                       {"mean", measure.batch_mean},
                       {"most", measure.batch_most}};
  if (!data.sizes.empty()) record["padding"] = describe_padding(given, values, data, query.epoch);
  if (query.explain) record["explain"] = explain(given, values, data, query, record);
  return record;
}

}  // namespace convoy
