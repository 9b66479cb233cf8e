#include "strategies/columns/advice.hpp"

#include <algorithm>

#include "convoy/core/error.hpp"
#include "convoy/data/load.hpp"
#include "convoy/model/columns.hpp"
#include "data/partition/schedule.hpp"

namespace convoy {
namespace {

using Json = nlohmann::ordered_json;

std::int64_t head_parameters(const SplitModel& model) {
  std::int64_t count = 0;
  const Network head = model.head();
  for (const NamedTensor& parameter : distinct_parameters(*head.module))
    count += parameter.tensor.numel();
  return count;
}

Json advice_for(LoadOptions load, const ModelOptions& network, const BatchOptions& batches,
                int workers) {
  constexpr auto element = static_cast<std::int64_t>(sizeof(float));
  if (!column_parts(load.partition)) {
    load.partition.by = "column";
    load.partition.own = ByColumn{};
  }
  const std::int64_t parts = *column_parts(load.partition);
  require_enough_parts(parts, workers, parts);
  const Splits splits = load_splits(load);
  const ColumnPartition& partition = *splits.columns;
  const SplitModel model = split_model(network, splits.whole_spec());
  const std::int64_t samples = splits.train->size();
  const std::int64_t batch = batch_of(batches, samples);
  Json json = {{"features", partition.features()},
               {"units", model.units},
               {"batch", batch},
               {"parts", partition.parts.size()},
               {"workers", Json::array()}};
  std::int64_t largest = 0;
  for (int w = 0; w < workers; ++w) {
    const Range owned = even_part(static_cast<std::int64_t>(partition.parts.size()), workers, w);
    const std::int64_t features = partition.parts[static_cast<std::size_t>(owned.end - 1)].end -
                                  partition.parts[static_cast<std::size_t>(owned.begin)].begin;
    largest = std::max(largest, features);
    json["workers"].push_back({{"worker", w},
                               {"parts", owned.size()},
                               {"features", features},
                               {"bytes", features * samples * element}});
  }
  json["largest_of_mean"] = static_cast<double>(largest) * workers /
                            static_cast<double>(std::max<std::int64_t>(1, partition.features()));
  // Of a reduce-scatter and an all-gather each worker sends (W - 1) / W of what is reduced; of sums
  // and their gradients as much.
  const double part = static_cast<double>(workers - 1) / workers;
  const double first = static_cast<double>(model.units * partition.features() * element);
  const double head = static_cast<double>(head_parameters(model) * element);
  const double sums = static_cast<double>(batch * model.units * element);
  json["first_layer_bytes"] = first;
  json["row_bytes"] = 2 * part * (first + head);
  json["column_bytes"] = 2 * part * (sums + head);
  json["suits"] = sums < first;
  return json;
}

}  // namespace

Json column_advice(const LoadOptions& load, const ModelOptions& model, const BatchOptions& batches,
                   int workers) {
  try {
    return advice_for(load, model, batches, workers);
  } catch (const InputError& error) {
    return {{"refused", error.what()}};
  }
}

}  // namespace convoy
