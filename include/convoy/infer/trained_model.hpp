#pragma once
// A model that was trained: from a run's folder, a checkpoint or a model.pt, ready to predict.
#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>

#include "convoy/infer/predict.hpp"
#include "convoy/job/job.hpp"

namespace convoy {

/// Where the weights are and what they were trained with.
struct TrainedModel {
  std::filesystem::path file;     ///< model.pt or a checkpoint
  nlohmann::ordered_json fitted;  ///< the fitted preprocessing, for load_for_prediction
  Job job;                        ///< as it was trained, with the caller's overrides
};

/// `place` is a run's folder, a model.pt or a checkpoint file. In a folder, `which` chooses:
/// "final" (model.pt, or the newest whole checkpoint of an unfinished run) or "best". `overrides`
/// change job keys (where the data is now, ...). Throws InputError with one clear line.
TrainedModel open_trained_model(const std::filesystem::path& place, const std::string& which,
                                const std::vector<std::string>& overrides);

/// A predictor with the model's weights, for samples as `spec` says.
std::unique_ptr<Predictor> make_predictor(const TrainedModel& model, const DataSpec& spec,
                                          int replicas);

/// The dataset that evaluate and predict mean: new files through the fitted steps if `files` is not
/// empty, else the job's own split ("train", "validation" or "test").
std::shared_ptr<const Dataset> open_dataset(const TrainedModel& model, const DataFiles& files,
                                            const std::string& split);

/// What must be known of the samples to build the model anew: "samples" of RunOptions::model_meta.
nlohmann::ordered_json describe_samples(const DataSpec& spec);

/// Writes the weights of a checkpoint as the model.pt that the run would have left, had it ended
/// at that step, and returns their weights_sha256. The job's data is not needed. Throws InputError
/// when the checkpoint is damaged or not of a job file, IoError.
std::string export_checkpoint(const std::filesystem::path& checkpoint,
                              const std::filesystem::path& model_file);

}  // namespace convoy
