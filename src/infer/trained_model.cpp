#include "convoy/infer/trained_model.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "checkpoint/columns.hpp"
#include "convoy/checkpoint/checkpoint.hpp"
#include "convoy/core/error.hpp"
#include "convoy/data/load.hpp"

namespace convoy {
namespace {

namespace fs = std::filesystem;

bool is_checkpoint(const fs::path& file) {
  return file.extension() == ".checkpoint";
}

fs::path newest_whole_checkpoint(const fs::path& folder) {
  const auto newest = CheckpointStore(folder / "checkpoints", 1).load_newest();
  if (newest) return newest->path;
  throw InputError(
      fmt::format("{}: holds no model.pt and no checkpoint; train there first", folder.string()));
}

fs::path weights_file(const fs::path& place, const std::string& which) {
  if (!fs::exists(place)) throw InputError(fmt::format("{}: no such run or model", place.string()));
  if (!fs::is_directory(place)) return place;
  if (which == "final") {
    return fs::exists(place / "model.pt") ? place / "model.pt" : newest_whole_checkpoint(place);
  }
  if (which != "best")
    throw InputError(fmt::format("--checkpoint: '{}' is neither final nor best", which));
  const auto best = CheckpointStore(place / "checkpoints", 1).best();
  if (best) return *best;
  throw InputError(fmt::format("{}: has no best checkpoint: nothing was evaluated while it trained",
                               place.string()));
}

void load_checkpoint(const fs::path& file, torch::nn::Module& module) {
  const torch::NoGradGuard no_grad;
  CheckpointState state = CheckpointStore::load(file, /*with_shards=*/false);
  if (has_columns(state)) state = CheckpointStore::load(file);  // weights are in its shards too
  const auto read = [&](const std::string& name, torch::Tensor into) {
    for (const auto& [stored_name, stored] : state.tensors) {
      if (stored_name != name) continue;
      if (stored.sizes() == into.sizes()) {
        into.copy_(stored);
        return;
      }
      throw InputError(fmt::format("{}: holds another model: {} is [{}] there and [{}] here",
                                   file.string(), name, fmt::join(stored.sizes(), ", "),
                                   fmt::join(into.sizes(), ", ")));
    }
    throw InputError(fmt::format("{}: holds another model: it has no {}", file.string(), name));
  };
  for (const auto& [name, tensor] : distinct_parameters(module)) read("parameter/" + name, tensor);
  for (const auto& [name, tensor] : distinct_buffers(module)) read("buffer/" + name, tensor);
}

nlohmann::ordered_json meta_of(const fs::path& file) {
  if (!is_checkpoint(file)) return read_model_meta(file);
  return CheckpointStore::load(file, /*with_shards=*/false)
      .meta.value("model", nlohmann::ordered_json::object());
}

DataSpec parse_samples(const nlohmann::ordered_json& meta, const fs::path& file) {
  try {
    DataSpec spec;
    spec.feature_shape = meta.at("feature_shape").get<std::vector<std::int64_t>>();
    spec.outputs = meta.at("outputs");
    for (const Task task : all_tasks) {
      if (name_of(task) == meta.at("task").get<std::string>()) spec.task = task;
    }
    return spec;
  } catch (const nlohmann::json::exception& error) {
    throw InputError(
        fmt::format("{}: what it says of its samples is damaged: {}", file.string(), error.what()));
  }
}

}  // namespace

StoredModel find_model(const fs::path& place, const std::string& which) {
  StoredModel model;
  model.file = weights_file(place, which);
  model.meta = meta_of(model.file);
  return model;
}

std::unique_ptr<Predictor> make_predictor(const TrainedModel& model, const DataSpec& spec,
                                          int replicas) {
  auto predictor = std::make_unique<Predictor>(build_model(model.network, spec), replicas,
                                               model.batch, model.load.seed);
  if (!is_checkpoint(model.file)) {
    predictor->load(model.file);
  } else {
    for (Network& network : predictor->networks()) load_checkpoint(model.file, *network.module);
  }
  return predictor;
}

nlohmann::ordered_json describe_samples(const DataSpec& spec) {
  return {{"feature_shape", spec.feature_shape},
          {"task", name_of(spec.task)},
          {"outputs", spec.outputs}};
}

std::string export_checkpoint(const TrainedModel& model, const fs::path& model_file) {
  const CheckpointState state = CheckpointStore::load(model.file, /*with_shards=*/false);
  nlohmann::ordered_json meta = state.meta["model"];
  const DataSpec spec = meta.contains("samples") ? parse_samples(meta["samples"], model.file)
                                                 : open_dataset(model, {}, "train")->spec();
  const auto predictor = make_predictor(model, spec, 1);
  torch::nn::Module& module = *predictor->networks()[0].module;
  meta["step"] = state.step;
  meta["weights_sha256"] = weights_sha256(module);
  save_model(model_file, module, meta);
  return meta["weights_sha256"];
}

std::shared_ptr<const Dataset> open_dataset(const TrainedModel& model, const DataFiles& files,
                                            const std::string& split) {
  if (!files.empty())
    return load_for_prediction(model.load.data, files, model.fitted, fs::current_path());
  LoadOptions load = model.load;
  load.partition = {};  // here one process has all samples, and all of their features
  const Splits splits = load_splits(load);
  const auto& chosen = split == "train"        ? splits.train
                       : split == "validation" ? splits.validation
                                               : splits.test;
  if (chosen) return chosen;
  throw InputError(fmt::format(
      "--split: the job has no {} split; give files with --input or --features", split));
}

}  // namespace convoy
