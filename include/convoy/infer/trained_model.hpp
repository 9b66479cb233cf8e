#pragma once
// A model that was trained: from a run's folder, a checkpoint or a model.pt, ready to predict.
#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>

#include "convoy/data/load_options.hpp"
#include "convoy/infer/predict.hpp"
#include "convoy/loss/options.hpp"
#include "convoy/model/options.hpp"

#pragma GCC visibility push(default)

namespace convoy {

/// A file of weights, and what is stored with them (RunOptions::model_meta).
struct StoredModel {
  std::filesystem::path file;  ///< model.pt or a checkpoint
  nlohmann::ordered_json meta;
};

/// `place` is a run's folder, a model.pt or a checkpoint file. In a folder, `which` chooses:
/// "final" (model.pt, or the newest whole checkpoint of an unfinished run) or "best". Throws
/// InputError with one clear line.
StoredModel find_model(const std::filesystem::path& place, const std::string& which);

/// Where the weights are and what they were trained with. Of a job's model `open_trained_model`
/// (convoy/job/trained_model.hpp) fills it in.
struct TrainedModel {
  std::filesystem::path file;     ///< model.pt or a checkpoint
  nlohmann::ordered_json fitted;  ///< the fitted preprocessing, for load_for_prediction
  LoadOptions load;               ///< the data that it was trained on
  ModelOptions network;
  LossOptions loss;
  std::int64_t batch = 256;  ///< samples a forward pass
};

/// A predictor with the model's weights, for samples as `spec` says.
std::unique_ptr<Predictor> make_predictor(const TrainedModel& model, const DataSpec& spec,
                                          int replicas);

/// The dataset that evaluate and predict mean: new files through the fitted steps if `files` is not
/// empty, else a split of the data that it was trained on ("train", "validation" or "test").
std::shared_ptr<const Dataset> open_dataset(const TrainedModel& model, const DataFiles& files,
                                            const std::string& split);

/// What must be known of the samples to build the model anew: "samples" of RunOptions::model_meta.
nlohmann::ordered_json describe_samples(const DataSpec& spec);

/// Writes the weights of a checkpoint as the model.pt that the run would have left, had it ended
/// at that step, and returns their weights_sha256. The training data is not needed. Throws
/// InputError when the checkpoint is damaged, IoError.
std::string export_checkpoint(const TrainedModel& model, const std::filesystem::path& model_file);

}  // namespace convoy

#pragma GCC visibility pop
