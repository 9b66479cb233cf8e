#include "data/splits/column_splits.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>
#include <unordered_set>

#include "convoy/core/error.hpp"
#include "data/formats/array.hpp"
#include "data/formats/csv_lexer.hpp"
#include "data/peers/agree.hpp"
#include "data/preprocess/table_pipeline.hpp"

namespace convoy {
namespace {

using Json = nlohmann::ordered_json;

ColumnPartition partition_of(const ColumnCut& cut, std::vector<Range> parts) {
  ColumnPartition partition;
  partition.parts = std::move(parts);
  partition.workers = cut.workers;
  partition.worker = cut.worker;
  return partition;
}

/// The record of a step with the entries of other columns behind those that there are: all lists
/// have an entry for each column.
void append_entries(Json& into, const Json& more) {
  for (const auto& [name, value] : more.items()) {
    if (!value.is_array()) continue;
    for (const Json& entry : value) into[name].push_back(entry);
  }
}

Json reordered(const Json& entries, const std::vector<std::size_t>& order) {
  Json list = Json::array();
  for (const std::size_t at : order) list.push_back(entries.at(at));
  return list;
}

/// In the order in which the job names the columns.
void order_as_named(Json& record, const std::vector<std::string>& named) {
  if (named.empty()) return;
  const std::vector<std::string> columns = recorded_columns(record);
  const auto position = [&](std::size_t entry) {
    return std::find(named.begin(), named.end(), columns[entry]);
  };
  std::vector<std::size_t> order(columns.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(),
                   [&](std::size_t a, std::size_t b) { return position(a) < position(b); });
  for (auto& item : record.items()) {
    if (item.value().is_array() && item.value().size() == order.size())
      item.value() = reordered(item.value(), order);
  }
}

Frame frame_of(const Source& source, const std::vector<std::int64_t>& rows, Range columns) {
  Frame frame;
  frame.file = source.file;
  frame.features = take_rows(
      {source.columns.begin() + columns.begin, source.columns.begin() + columns.end}, rows);
  frame.numbers = rows;
  return frame;
}

/// What a worker tells of a part: {"features": names, "steps": [null or a fitted step], "found":
/// [of each step the columns that the job names and this part has]}.
Json fit_part(const std::vector<PreprocessStep>& steps, std::vector<Frame>& frames) {
  Json fitted_by_worker = {
      {"features", Json::array()}, {"steps", Json::array()}, {"found", Json::array()}};
  for (const PreprocessStep& step : steps) {
    PreprocessStep own{step.kind, options_of(step)};
    std::vector<std::string> columns = chosen_columns(own.own);
    const bool all = columns.empty();
    std::erase_if(columns, [&](const std::string& name) {
      return find_column(frames[0].features, name) == nullptr;
    });
    fitted_by_worker["found"].push_back(columns);
    FittedSteps fitted;
    if (all || !columns.empty()) {
      choose_columns(own.own, std::move(columns));
      FrameRows rows(frames[0]);
      fitted = fit_steps({own}, rows, nullptr);
    }
    fitted_by_worker["steps"].push_back(fitted.empty() ? Json() : to_json(*fitted[0]));
    for (std::size_t f = 1; f < frames.size() && !fitted.empty(); ++f) fitted[0]->apply(frames[f]);
  }
  fitted_by_worker["features"] = feature_names(frames[0]);
  return fitted_by_worker;
}

/// Throws for a column that no part has.
void require_found(const PreprocessStep& step, std::size_t number, const std::vector<Json>& parts) {
  const std::vector<std::string> named = chosen_columns(options_of(step));
  if (named.empty()) return;
  std::unordered_set<std::string> found;
  for (const Json& part : parts) {
    for (const Json& name : part.at("found").at(number)) found.insert(name.get<std::string>());
  }
  for (const std::string& name : named) {
    if (!found.contains(name)) {
      fail_step(step.kind,
                fmt::format("no column {} among the features at this step", in_quotes(name)));
    }
  }
}

void require_distinct(const std::vector<Json>& parts) {
  std::unordered_set<std::string> names;
  for (const Json& part : parts) {
    for (const Json& name : part.at("features")) {
      if (!names.insert(name.get<std::string>()).second) {
        throw InputError(fmt::format("preprocess: makes a column {}, and there is one already",
                                     in_quotes(name.get<std::string>())));
      }
    }
  }
}

FittedSteps merge_steps(const std::vector<PreprocessStep>& steps, const std::vector<Json>& parts) {
  FittedSteps merged;
  for (std::size_t i = 0; i < steps.size(); ++i) {
    require_found(steps[i], i, parts);
    Json whole;
    for (const Json& part : parts) {
      const Json& fitted = part.at("steps").at(i);
      if (fitted.is_null()) continue;
      if (whole.is_null())
        whole = fitted;
      else
        append_entries(whole, fitted);
    }
    if (whole.is_null()) continue;
    order_as_named(whole, chosen_columns(options_of(steps[i])));
    merged.push_back(fitted_step(whole));
  }
  return merged;
}

/// Every part's features behind those of the one before.
void add_own_features(std::vector<Frame>& into, std::vector<Frame>& frames) {
  for (std::size_t f = 0; f < frames.size(); ++f) {
    if (into[f].numbers.empty()) {
      into[f] = std::move(frames[f]);
      continue;
    }
    std::move(frames[f].features.begin(), frames[f].features.end(),
              std::back_inserter(into[f].features));
  }
}

/// What this worker tells of its parts.
std::string fit_own_parts(const std::vector<PreprocessStep>& steps, const ColumnCut& cut,
                          const std::vector<ColumnRows>& lists, std::vector<Frame>& own_frames) {
  require_steps_by_column(steps, {});
  const Source& train = *lists[0].source;
  const auto columns = static_cast<std::int64_t>(train.whole->columns.size());
  const std::int64_t first = cut.own_columns(columns).begin;
  Json fitted_by_worker = {{"columns", Json::array()}, {"parts", Json::array()}};
  for (const Column& column : train.columns)
    fitted_by_worker["columns"].push_back(
        {{"name", column.name}, {"categorical", column.categorical}});
  own_frames.resize(lists.size());
  for (std::int64_t part = cut.own().begin; part < cut.own().end; ++part) {
    const Range range = even_part(columns, cut.parts, part);
    std::vector<Frame> frames;
    for (const ColumnRows& list : lists) {
      frames.push_back(frame_of(*list.source, list.rows, {range.begin - first, range.end - first}));
    }
    fitted_by_worker["parts"].push_back(fit_part(steps, frames));
    add_own_features(own_frames, frames);
  }
  return fitted_by_worker.dump(-1, ' ', false, Json::error_handler_t::replace);
}

}  // namespace

ColumnTables fit_column_tables(const std::vector<PreprocessStep>& steps, const ColumnCut& cut,
                               const std::vector<ColumnRows>& lists, Peers* peers) {
  ColumnTables tables;
  const std::vector<std::string> all =
      gather(peers, [&] { return fit_own_parts(steps, cut, lists, tables.frames); });
  std::vector<Json> parts;
  tables.columns = Json::array();
  for (const std::string& text : all) {
    const Json fitted_by_worker = Json::parse(text);
    for (const Json& column : fitted_by_worker.at("columns")) tables.columns.push_back(column);
    for (const Json& part : fitted_by_worker.at("parts")) parts.push_back(part);
  }
  require_distinct(parts);
  tables.steps = merge_steps(steps, parts);
  std::vector<Range> features;
  for (const Json& part : parts) {
    const std::int64_t begin = features.empty() ? 0 : features.back().end;
    features.push_back({begin, begin + static_cast<std::int64_t>(part.at("features").size())});
    if (features.back().empty()) {
      throw InputError(
          "preprocess: leaves a part of the columns without features (one_hot of a column without "
          "values); set partition.columns lower");
    }
  }
  tables.partition = partition_of(cut, std::move(features));
  return tables;
}

ColumnArray fit_column_array(const std::vector<PreprocessStep>& steps, const ColumnCut& cut,
                             const Source& train, const RowList& rows, Peers* peers) {
  const std::int64_t elements = std::accumulate(
      train.whole->shape.begin(), train.whole->shape.end(), std::int64_t{1}, std::multiplies<>());
  const Range own = cut.own_columns(elements);
  ColumnArray fitted;
  const std::vector<std::string> all = gather(peers, [&] {
    require_steps_by_column(steps, train.whole->shape);
    fitted.pipeline = std::make_shared<ArrayPipeline>(std::vector<std::int64_t>{own.size()});
    const std::string name = fmt::format("{} (elements from {} on)", train.file, own.begin);
    Json fitted_by_worker = Json::array();
    for (const PreprocessStep& step : steps)
      fitted.pipeline->fit(step, stored_samples(*train.array), rows, name, nullptr);
    for (const auto& step : fitted.pipeline->steps()) fitted_by_worker.push_back(to_json(*step));
    return fitted_by_worker.dump();
  });
  Json records = Json::parse(all[0]);
  for (std::size_t w = 1; w < all.size(); ++w) {
    const Json fitted_by_worker = Json::parse(all[w]);
    for (std::size_t i = 0; i < steps.size(); ++i) {
      if (fitted.pipeline->steps()[i]->by_element())
        append_entries(records.at(i), fitted_by_worker.at(i));
    }
  }
  for (const Json& record : records) fitted.steps.push_back(fitted_step(record));
  std::vector<Range> parts;
  for (std::int64_t part = 0; part < cut.parts; ++part)
    parts.push_back(even_part(elements, cut.parts, part));
  fitted.partition = partition_of(cut, std::move(parts));
  return fitted;
}

}  // namespace convoy
