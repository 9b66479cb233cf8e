#pragma once
// Data-parallel inference whose numbers do not depend on how many replicas took part.
#include <cstdint>
#include <filesystem>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "convoy/core/tensor.hpp"
#include "convoy/data/dataset/dataset.hpp"
#include "convoy/loss/loss.hpp"
#include "convoy/model/model.hpp"

#pragma GCC visibility push(default)

namespace convoy {

/// What a model said of every sample of a dataset, in the dataset's order.
struct Inference {
  torch::Tensor outputs;              ///< float32 [n, ...]: as the network returned them
  torch::Tensor target;               ///< as Batch::target, undefined where the data has none
  std::vector<std::int64_t> samples;  ///< as Batch::samples
};

/// Runs networks over a dataset. Each forward pass takes `batch` neighbouring samples, whoever runs
/// it, so that the numbers are the same for any number of replicas. Used by one thread at a time.
class Predictor {
 public:
  /// `replicas` networks of the factory; their weights are set by load or by the caller through
  /// `networks()`.
  Predictor(const ModelFactory& factory, int replicas, std::int64_t batch, std::uint64_t seed = 1);
  ~Predictor();

  /// Reads the weights of model.pt. Throws InputError when they are not this model's.
  void load(const std::filesystem::path& model_file);
  std::vector<Network>& networks();

  /// All samples of `dataset`. Throws InputError when the model does not fit the samples.
  Inference run(const Dataset& dataset);

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

/// {loss, and compute_metrics} of an inference with targets. `loss` is the mean over all samples.
nlohmann::ordered_json evaluate(const Inference& inference, const DataSpec& spec, const Loss& loss);

/// model.pt: the module as torch::save writes it, and `meta` as a string attribute "convoy".
/// Written atomically.
void save_model(const std::filesystem::path& file, torch::nn::Module& module,
                const nlohmann::ordered_json& meta);
/// The `meta` of a model.pt. Throws InputError when the file is damaged or not Convoy's.
nlohmann::ordered_json read_model_meta(const std::filesystem::path& file);
/// The weights of a model.pt into a module of the same structure. Throws InputError when they do
/// not fit.
void load_weights(const std::filesystem::path& file, torch::nn::Module& module);

}  // namespace convoy

#pragma GCC visibility pop
