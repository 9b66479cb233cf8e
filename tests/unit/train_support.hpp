#pragma once
// Small models and data for tests of training.
#include <ATen/CPUGeneratorImpl.h>
#include <torch/torch.h>
#include <unistd.h>

#include <filesystem>
#include <string>

#include "convoy/checkpoint/checkpoint.hpp"
#include "convoy/data/dataset/dataset.hpp"
#include "convoy/job/job.hpp"
#include "convoy/model/layer_options.hpp"
#include "convoy/train/trainer.hpp"
#include "core/temporary_folder.hpp"

namespace convoy::testing {

using convoy::TemporaryFolder;

inline DataSpec image_spec() {
  return {{1, 8, 8}, Task::classification, 4, {"a", "b", "c", "d"}, {}};
}

// Images whose class is the brightest quadrant; 101 of them leave a batch of 5 at the end of an
// epoch of 24s.
inline std::shared_ptr<Dataset> images(std::int64_t count = 101, std::uint64_t seed = 3) {
  auto generator = at::make_generator<at::CPUGeneratorImpl>(seed);
  torch::Tensor features = torch::rand({count, 1, 8, 8}, generator);
  torch::Tensor target = torch::randint(0, 4, {count}, generator, torch::kLong);
  for (std::int64_t i = 0; i < count; ++i) {
    const auto c = target[i].item<std::int64_t>();
    features[i].narrow(1, c / 2 * 4, 4).narrow(2, c % 2 * 4, 4).add_(0.5);
  }
  return tensor_dataset(features, target, image_spec());
}

inline ModelOptions mlp_options() {
  return {.kind = "mlp", .own = MlpOptions{.hidden = {32, 16}}};
}

inline ModelOptions cnn_with_batch_norm() {
  return {.kind = "layers",
          .own = LayersOptions{{{"conv", ConvOptions{.channels = 6, .padding = 1}},
                                {"batch_norm"},
                                {"relu"},
                                {"max_pool", PoolOptions{.kernel = 2}},
                                {"conv", ConvOptions{.channels = 8}},
                                {"batch_norm"},
                                {"relu"},
                                {"flatten"},
                                {"linear", LinearOptions{.units = 4}}}}};
}

// A module of a user's own, with torch::nn::Dropout inside and a random operation in its forward.
struct NoisyNet : torch::nn::Module {
  NoisyNet() {
    first = register_module("first", torch::nn::Linear(64, 32));
    drop = register_module("drop", torch::nn::Dropout(0.4));
    second = register_module("second", torch::nn::Linear(32, 4));
  }
  torch::Tensor forward(torch::Tensor x) {
    x = drop(torch::relu(first(x.flatten(1))));
    if (is_training()) x = x + 0.01 * torch::randn_like(x);
    return second(x);
  }
  torch::nn::Linear first{nullptr}, second{nullptr};
  torch::nn::Dropout drop{nullptr};
};

/// A strategy whose workers take `every` steps of their own between two exchanges.
inline StrategyOptions averaging(const std::string& kind, std::int64_t every) {
  if (kind == "local_sgd") return {.kind = kind, .own = LocalSgdOptions{.average_every = every}};
  if (kind == "gossip") return {.kind = kind, .own = GossipOptions{.average_every = every}};
  return {.kind = kind, .own = ElasticAveragingOptions{.average_every = every}};
}

/// `part`: of the elements that travels, where only some do.
inline CompressionOptions compression(const std::string& kind, double part) {
  if (kind.ends_with("_k")) return {.kind = kind, .own = SparseOptions{.part = part}};
  return {.kind = kind};
}

inline Job small_job() {
  Job job;
  job.name = "small";
  job.seed = 11;
  job.train.epochs = 2;
  job.train.batch = 24;
  job.train.lanes = 8;
  job.train.optimizer.rate = 0.1;
  job.train.optimizer.own.edit<SgdOptions>().momentum = 0.9;
  job.evaluate.every = 1;
  job.report.html = false;
  job.report.every = 1;
  return job;
}

inline RunSummary train(const Job& job, const ModelFactory& factory, RunOptions options = {},
                        TrainingData data = {images(), nullptr, images(40, 5)}) {
  return Trainer(trainer_options(job), factory, make_loss("auto", data.train->spec()), data,
                 std::move(options))
      .run();
}

}  // namespace convoy::testing
