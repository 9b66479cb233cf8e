#include "convoy/data/load.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <functional>
#include <numeric>

#include "convoy/core/error.hpp"
#include "convoy/core/kernels.hpp"
#include "data/formats/array.hpp"
#include "data/partition/values.hpp"
#include "data/peers/agree.hpp"
#include "data/preprocess/array_pipeline.hpp"
#include "data/preprocess/table_pipeline.hpp"
#include "data/splits/column_splits.hpp"
#include "data/splits/fingerprint.hpp"
#include "data/splits/record_dataset.hpp"
#include "data/splits/record_source.hpp"
#include "data/splits/split_sources.hpp"

namespace convoy {
namespace {

using Json = nlohmann::ordered_json;
using Rows = std::vector<std::int64_t>;

constexpr int fitted_version = 1;

Rows all_rows(std::int64_t n) {
  Rows rows(static_cast<std::size_t>(n));
  std::iota(rows.begin(), rows.end(), 0);
  return rows;
}

Json steps_json(const FittedSteps& steps) {
  Json json = Json::array();
  for (const auto& step : steps) json.push_back(to_json(*step));
  return json;
}

/// The target of a source, row by row; of bad rows it is zero.
torch::Tensor encode_target(const Source& source, const TargetCode& code) {
  const RawTarget& target = *source.target;
  if (source.bad.empty()) return code.encode(target.columns, all_rows(source.rows), target.file);
  const Rows good = source.good_rows();
  const torch::Tensor encoded = code.encode(take_rows(target.columns, good), good, target.file);
  std::vector<std::int64_t> shape = encoded.sizes().vec();
  shape[0] = source.rows;
  torch::Tensor whole = torch::zeros(shape, encoded.options());
  const torch::Tensor index = torch::tensor(good, torch::kLong);
  return whole.index_copy_(0, index, encoded);
}

/// A source of array features as a dataset, every row a sample.
std::shared_ptr<const Dataset> array_samples(const Source& source, const TargetCode& code,
                                             std::shared_ptr<const ArrayPipeline> pipeline) {
  if (source.records)
    return record_array_dataset(*source.records, RowList::all(source.rows), code, pipeline);
  DataSpec spec;
  spec.feature_shape = pipeline->sample_shape();
  code.describe(spec);
  torch::Tensor target;
  if (source.target) target = encode_target(source, code);
  return array_dataset(*source.array, std::move(pipeline), std::move(target), std::move(spec), {},
                       source.file);
}

Frame make_frame(const Source& source, const Rows& rows) {
  Frame frame;
  frame.file = source.file;
  frame.features = take_rows(source.columns, rows);
  if (source.target) frame.targets = take_rows(source.target->columns, rows);
  frame.numbers = rows;
  return frame;
}

/// A frame that has been through the steps as a dataset. `target_file` is for messages.
std::shared_ptr<const Dataset> table_samples(const Frame& frame, const TargetCode& code,
                                             const Origin& target_file) {
  DataSpec spec;
  spec.feature_names = feature_names(frame);
  spec.feature_shape = {static_cast<std::int64_t>(frame.features.size())};
  code.describe(spec);
  torch::Tensor target;
  if (!frame.targets.empty()) target = code.encode(frame.targets, frame.numbers, target_file);
  return array_dataset(to_matrix(frame), std::make_shared<ArrayPipeline>(spec.feature_shape),
                       std::move(target), spec, frame.numbers);
}

Json base_record(const char* kind, const TargetCode& code, const FittedSteps& steps) {
  return {{"version", fitted_version},
          {"kind", kind},
          {"target", code.to_json()},
          {"steps", steps_json(steps)}};
}

/// Of the training samples with these numbers.
void take_values(const SplitSources& sources, const RowList& rows, Splits& splits) {
  if (!has_values(sources.values)) return;
  splits.values = rows.is_all()
                      ? sources.values
                      : std::move(take_rows({sources.values}, rows.slice(0, rows.size())).front());
}

RowList training_rows(const SplitSources& sources) {
  return sources.rows.whole ? RowList::all(sources.train.rows) : RowList::view(sources.rows.train);
}

/// What was left out, for people and, so that a run goes on with the same samples only, for the
/// record.
void describe_bad_samples(const SplitSources& sources, Splits& splits) {
  std::string left_out;
  const auto add = [&](const Source& source) {
    if (source.bad.empty()) return;
    splits.skipped_samples += source.bad.size();
    splits.skipped.push_back(source.bad.summary(source.file, source.rows));
    left_out += fmt::format("{}{}", left_out.empty() ? "" : ", ", bad_samples_text(source.bad));
  };
  add(sources.train);
  if (sources.validation) add(*sources.validation);
  if (sources.test) add(*sources.test);
  if (!left_out.empty()) splits.fitted["left_out"] = left_out;
}

/// The same, to be kept.
RowList owned_rows(const SplitSources& sources) {
  return sources.rows.whole ? RowList::all(sources.train.rows) : RowList::of(sources.rows.train);
}

/// Throws when the step's counts of an array's different values would not fit memory.
void require_countable(const PreprocessStep& step, const RecordView& view) {
  if (!view.set->is_large() || size_of(view.feature(0).type) == 1) return;
  const StepKind& kind = preprocess_steps().get(step.kind);
  Frame no_columns;
  if (!kind.fit_samples || !kind.needs_all_values ||
      !kind.needs_all_values(options_of(step), no_columns))
    return;
  fail_step(step.kind,
            fmt::format("needs all values of {} at once, which are more than data.memory ({} MiB); "
                        "raise it, write {}: {{error: 0.001}}, or use standardise or "
                        "min_max",
                        view.set->name(), view.set->limit() >> 20, step.kind));
}

/// Makes a dataset of some rows of a source.
using MakeSamples = std::function<std::shared_ptr<const Dataset>(
    const Source& source, const RowList& rows, bool training)>;

void add_splits(const SplitSources& sources, const RowList& train, const MakeSamples& samples,
                Splits& splits) {
  splits.train = samples(sources.train, train, true);
  if (sources.train.records) splits.block = chosen_block(*sources.train.records->set);
  const SplitRows& rows = sources.rows;
  if (!rows.validation.empty())
    splits.validation = samples(sources.train, RowList::of(rows.validation), false);
  if (!rows.test.empty()) splits.test = samples(sources.train, RowList::of(rows.test), false);
  const auto good = [](const Source& source) {
    return source.bad.empty() ? RowList::all(source.rows) : RowList::of(source.good_rows());
  };
  if (sources.validation)
    splits.validation = samples(*sources.validation, good(*sources.validation), false);
  if (sources.test) splits.test = samples(*sources.test, good(*sources.test), false);
}

Splits array_splits(const SplitSources& sources, const TargetCode& code,
                    const std::shared_ptr<const ArrayPipeline>& pipeline) {
  Splits splits;
  // The array of the training files, of which several splits may be rows.
  const auto whole = sources.train.records ? nullptr : array_samples(sources.train, code, pipeline);
  const auto samples = [&](const Source& source, const RowList& rows,
                           bool /*training*/) -> std::shared_ptr<const Dataset> {
    if (source.records) return record_array_dataset(*source.records, rows, code, pipeline);
    auto all = &source == &sources.train ? whole : array_samples(source, code, pipeline);
    return rows.is_all() ? all : subset(std::move(all), rows.slice(0, rows.size()));
  };
  const RowList train = owned_rows(sources);
  add_splits(sources, train, samples, splits);
  take_values(sources, train, splits);
  splits.fitted = base_record("array", code, pipeline->steps());
  splits.fitted["feature_shape"] = pipeline->stored_shape();
  if (sources.train.tokenizer) splits.fitted["tokenizer"] = sources.train.tokenizer->to_json();
  return splits;
}

Splits fit_arrays(const SplitSources& sources, const TargetCode& code,
                  const std::vector<PreprocessStep>& preprocess, Peers* peers) {
  const Source& train = sources.train;
  auto pipeline = std::make_shared<ArrayPipeline>(sample_shape(train));
  const StoredSamples stored =
      train.records ? stored_samples(*train.records) : stored_samples(*train.array);
  for (const PreprocessStep& step : preprocess) {
    if (train.records) require_countable(step, *train.records);
    pipeline->fit(step, stored, training_rows(sources), train.file, peers);
  }
  Splits splits;
  agree(peers, [&] { splits = array_splits(sources, code, pipeline); });
  return splits;
}

Json column_roles_json(const Source& train) {
  Json columns = Json::array();
  for (const Column& column : train.columns)
    columns.push_back({{"name", column.name}, {"categorical", column.categorical}});
  return columns;
}

/// The rows of a split that are in memory, through the steps.
std::shared_ptr<const Dataset> frame_samples(const Source& source, const RowList& rows,
                                             const FittedSteps& steps, const TargetCode& code) {
  Frame frame = make_frame(source, rows.slice(0, rows.size()));
  for (const auto& step : steps) step->apply(frame);
  if (frame.numbers.empty())
    throw DataError(source.file,
                    fmt::format("{} leaves no sample of this split", first_that_drops(steps)));
  return table_samples(frame, code, source.target->file);
}

/// `train`: the rows that the steps left; `whole` of a table in memory, which has been through the
/// steps already.
Splits table_splits(const SplitSources& sources, const TargetCode& code, const FittedSteps& steps,
                    const RowList& train, const Frame* whole) {
  Splits splits;
  const auto samples = [&](const Source& source, const RowList& rows,
                           bool training) -> std::shared_ptr<const Dataset> {
    if (source.records) {
      const RowList left = training ? rows : rows_left(*source.records, rows, steps);
      return record_table_dataset(*source.records, left, code, steps);
    }
    if (training) return table_samples(*whole, code, source.target->file);
    return frame_samples(source, rows, steps, code);
  };
  add_splits(sources, train, samples, splits);
  take_values(sources, train, splits);
  splits.fitted = base_record("table", code, steps);
  splits.fitted["columns"] = column_roles_json(sources.train);
  return splits;
}

Splits fit_tables(const SplitSources& sources, const TargetCode& code,
                  const std::vector<PreprocessStep>& preprocess, Peers* peers) {
  Splits splits;
  if (sources.train.records) {
    RecordRows rows(*sources.train.records, owned_rows(sources));
    const FittedSteps steps = fit_steps(preprocess, rows, peers);
    agree(peers, [&] { splits = table_splits(sources, code, steps, rows.rows(), nullptr); });
    return splits;
  }
  Frame train = make_frame(sources.train, sources.rows.train);
  FrameRows rows(train);
  const FittedSteps steps = fit_steps(preprocess, rows, peers);
  const RowList numbers = RowList::view(train.numbers);
  agree(peers, [&] { splits = table_splits(sources, code, steps, numbers, &train); });
  return splits;
}

Splits fit_array_columns(const SplitSources& sources, const TargetCode& code,
                         const std::vector<PreprocessStep>& preprocess, const ColumnCut& cut,
                         Peers* peers) {
  const ColumnArray fitted =
      fit_column_array(preprocess, cut, sources.train, training_rows(sources), peers);
  Splits splits;
  agree(peers, [&] { splits = array_splits(sources, code, fitted.pipeline); });
  splits.fitted = base_record("array", code, fitted.steps);
  splits.fitted["feature_shape"] = sources.train.whole->shape;
  splits.columns = fitted.partition;
  return splits;
}

Splits fit_table_columns(const SplitSources& sources, const TargetCode& code,
                         const std::vector<PreprocessStep>& preprocess, const ColumnCut& cut,
                         Peers* peers) {
  Splits splits;
  const RowList training = training_rows(sources);
  std::vector<ColumnRows> lists{{&sources.train, training.slice(0, training.size())}};
  std::vector<std::shared_ptr<const Dataset>*> into{&splits.train};
  const auto add = [&](const Source& source, Rows rows, std::shared_ptr<const Dataset>& dataset) {
    if (rows.empty()) return;
    lists.push_back({&source, std::move(rows)});
    into.push_back(&dataset);
  };
  add(sources.train, sources.rows.validation, splits.validation);
  add(sources.train, sources.rows.test, splits.test);
  if (sources.validation)
    add(*sources.validation, sources.validation->good_rows(), splits.validation);
  if (sources.test) add(*sources.test, sources.test->good_rows(), splits.test);
  ColumnTables tables = fit_column_tables(preprocess, cut, lists, peers);
  agree(peers, [&] {
    for (std::size_t i = 0; i < lists.size(); ++i) {
      Frame& frame = tables.frames[i];
      frame.targets = take_rows(lists[i].source->target->columns, lists[i].rows);
      *into[i] = table_samples(frame, code, lists[i].source->target->file);
      frame = {};
    }
  });
  splits.fitted = base_record("table", code, tables.steps);
  splits.fitted["columns"] = std::move(tables.columns);
  splits.columns = std::move(tables.partition);
  return splits;
}

/// `fitted` back as what it was made from.
struct Record {
  bool array = false;
  std::vector<std::int64_t> feature_shape;
  FittedSteps steps;
  TargetCode code;
  ColumnRoles roles;
};

Record read_record(const Json& fitted) {
  try {
    Record record;
    if (const int version = fitted.at("version").get<int>(); version != fitted_version) {
      throw InputError(fmt::format("version {} of the record is not known", version));
    }
    record.array = fitted.at("kind").get<std::string>() == "array";
    record.code = TargetCode::from_json(fitted.at("target"));
    for (const Json& step : fitted.at("steps")) record.steps.push_back(fitted_step(step));
    record.roles.target = record.code.columns();
    record.roles.target_categorical = record.code.categorical();
    if (record.array) {
      record.feature_shape = fitted.at("feature_shape").get<std::vector<std::int64_t>>();
      if (record.feature_shape.empty() ||
          element_count(record.feature_shape, ElementType::f64).value_or(0) == 0) {
        throw InputError("impossible feature_shape");
      }
      record.roles.shape = record.feature_shape;
      if (fitted.contains("tokenizer")) {
        record.roles.tokenizer =
            std::make_shared<const Tokenizer>(Tokenizer::from_json(fitted.at("tokenizer")));
      }
      record.roles.width = flat_width(record.feature_shape);
    } else {
      for (const Json& column : fitted.at("columns")) {
        record.roles.features.emplace_back();
        record.roles.features.back().name = column.at("name").get<std::string>();
        record.roles.features.back().categorical = column.at("categorical").get<bool>();
      }
    }
    return record;
  } catch (const std::exception& error) {
    throw InputError(
        fmt::format("the model's record of its preprocessing is damaged: {}", error.what()));
  }
}

}  // namespace

DataSpec Splits::whole_spec() const {
  DataSpec spec = train->spec();
  if (!columns) return spec;
  spec.feature_shape = {columns->features()};
  if (fitted.at("kind") == "array")
    spec.feature_shape = fitted.at("feature_shape").get<std::vector<std::int64_t>>();
  return spec;
}

Splits load_splits(const LoadOptions& options, Peers* peers) {
  prepare_kernels();
  const DataOptions& data = options.data;
  const std::vector<PreprocessStep>& preprocess = options.preprocess;
  const PartitionOptions& partition = options.partition;
  std::optional<TargetCode> code;
  SplitSources sources;
  CheckedFiles files(data.verify);
  std::string own;
  const std::vector<std::string> fingerprints = gather(peers, [&] {
    const std::filesystem::path root =
        data.fetch.empty() ? options.directory : fetch_package(data.fetch);
    sources = read_split_sources(data, partition, options.seed, root, files, code, peers);
    return own = fingerprint(sources, preprocess);
  });
  require_same_data(fingerprints);
  const bool array = sources.train.is_array();
  Splits splits;
  if (const std::optional<ColumnCut> cut = column_cut(partition, peers)) {
    splits = array ? fit_array_columns(sources, *code, preprocess, *cut, peers)
                   : fit_table_columns(sources, *code, preprocess, *cut, peers);
  } else {
    splits = array ? fit_arrays(sources, *code, preprocess, peers)
                   : fit_tables(sources, *code, preprocess, peers);
  }
  if (looks_at(partition) == LooksAt::sizes && !has_values(splits.values))
    splits.values = token_counts(*splits.train);
  splits.fingerprint = std::move(own);
  splits.repaired = files.repaired();
  describe_bad_samples(sources, splits);
  return splits;
}

std::shared_ptr<const Dataset> load_for_prediction(const DataOptions& data, const DataFiles& files,
                                                   const nlohmann::ordered_json& fitted,
                                                   const std::filesystem::path& directory) {
  const Record record = read_record(fitted);
  CheckedFiles checked(data.verify);
  const Resolve resolve = with_sources([&](const std::string& path) {
    const std::filesystem::path here = directory / path;
    return locate(data.fetch.empty() || is_there(here) ? here : fetch_package(data.fetch) / path,
                  checked);
  });
  const Source source = read_source(files, {data, "data", &record.roles, true}, resolve);
  require_kind(source, record.array, "the model's training data");
  if (record.array) {
    require_shape(source, record.feature_shape, "the model's training data");
    return array_samples(source, record.code,
                         std::make_shared<ArrayPipeline>(record.feature_shape, record.steps));
  }
  if (source.records) {
    const RowList rows = rows_left(*source.records, RowList::all(source.rows), record.steps);
    return record_table_dataset(*source.records, rows, record.code, record.steps);
  }
  Frame frame = make_frame(source, all_rows(source.rows));
  for (const auto& step : record.steps) step->apply(frame);
  return table_samples(frame, record.code,
                       source.target ? source.target->file : Origin(source.file));
}

}  // namespace convoy
