#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <cmath>

#include "convoy/core/error.hpp"
#include "convoy/train/trainer.hpp"
#include "unit/train_support.hpp"

namespace convoy {
namespace train_trainer_test {

using namespace testing;  // NOLINT
using ::testing::HasSubstr;

struct NamedModel {
  std::string name;
  ModelFactory factory;
};

std::vector<NamedModel> models() {
  return {{"mlp", build_model(mlp_options(), image_spec())},
          {"cnn with batch norm", build_model(cnn_with_batch_norm(), image_spec())},
          {"user's module with dropout", model_factory<NoisyNet>()}};
}

TEST(Trainer, SameBitsForEveryNumberOfReplicas) {
  for (const NamedModel& model : models()) {
    const std::string expected = train(small_job(), model.factory, {.replicas = 1}).weights_sha256;
    for (const int replicas : {2, 3, 4, 8, 11}) {
      EXPECT_EQ(train(small_job(), model.factory, {.replicas = replicas}).weights_sha256, expected)
          << model.name << ", " << replicas << " replicas";
    }
  }
}

TEST(Trainer, SameBitsForEveryOptimizerScheduleAndPartition) {
  const std::vector<OptimizerOptions> optimizers = {
      {.kind = "sgd", .rate = 0.1, .own = SgdOptions{.weight_decay = 0.01}},
      {.kind = "adam", .rate = 0.1, .own = AdamOptions{.weight_decay = 0.01}},
      {.kind = "adamw", .rate = 0.1, .own = AdamOptions{.weight_decay = 0.01}}};
  for (const OptimizerOptions& optimizer : optimizers) {
    Job job = small_job();
    job.train.optimizer = optimizer;
    job.train.schedule.kind = "cosine";
    job.train.schedule.warmup = 3;
    job.train.clip.norm = 0.5;
    job.partition.own = ByRow{.assign = "cyclic"};
    job.train.lanes = 6;
    const auto factory = model_factory<NoisyNet>();
    EXPECT_EQ(train(job, factory, {.replicas = 1}).weights_sha256,
              train(job, factory, {.replicas = 4}).weights_sha256)
        << optimizer.kind;
  }
}

TEST(Trainer, SeedLanesAndPartitionDoChangeTheResult) {
  const auto factory = model_factory<NoisyNet>();
  const std::string base = train(small_job(), factory).weights_sha256;
  Job other_seed = small_job();
  other_seed.seed = 12;
  EXPECT_NE(train(other_seed, factory).weights_sha256, base);
  Job other_order = small_job();
  other_order.partition.order = "sequential";
  EXPECT_NE(train(other_order, factory).weights_sha256, base);
}

TEST(Trainer, LearnsAndEvaluatesTheSameForAnyReplicas) {
  Job job = small_job();
  job.train.epochs = 12;
  const auto one = train(job, build_model(mlp_options(), image_spec()), {.replicas = 1});
  const auto three = train(job, build_model(mlp_options(), image_spec()), {.replicas = 3});
  EXPECT_GT(one.json["final"]["test_accuracy"].get<double>(), 0.9);
  EXPECT_EQ(one.json["final"], three.json["final"]);
}

// libtorch's own loop over whole batches: what a user would have written without lanes.
TEST(Trainer, AgreesWithAPlainLibtorchLoop) {
  Job job = small_job();
  job.partition.order = "sequential";
  job.train.epochs = 3;
  job.train.optimizer.own.edit<SgdOptions>().nesterov = true;
  job.train.optimizer.own.edit<SgdOptions>().weight_decay = 1e-3;
  const auto factory = build_model(mlp_options(), image_spec());
  const auto data = images();

  Job untrained = job;
  untrained.train.steps = 1;
  untrained.train.optimizer.rate = 0;
  untrained.train.optimizer.own.edit<SgdOptions>().weight_decay = 0;
  auto net = train(untrained, factory, {}, {data, nullptr, nullptr}).model;  // the initial weights
  net->train();
  torch::optim::SGD sgd(
      net->parameters(),
      torch::optim::SGDOptions(0.1).momentum(0.9).nesterov(true).weight_decay(1e-3));
  for (int epoch = 0; epoch < 3; ++epoch) {
    for (std::int64_t begin = 0; begin < data->size(); begin += 24) {
      std::vector<std::int64_t> rows;
      for (std::int64_t i = begin; i < std::min<std::int64_t>(begin + 24, data->size()); ++i)
        rows.push_back(i);
      const Batch batch = data->read(rows);
      sgd.zero_grad();
      const auto output = net->as<torch::nn::Sequential>()->forward(batch.features);
      torch::nn::functional::cross_entropy(output, batch.target).backward();
      sgd.step();
    }
  }
  const auto ours = train(job, factory, {.replicas = 2}, {data, nullptr, nullptr}).model;
  for (const auto& item : ours->named_parameters()) {
    EXPECT_TRUE(
        torch::allclose(item.value(), *net->named_parameters().find(item.key()), 1e-4, 1e-5))
        << item.key();
  }
}

TEST(Trainer, FullBatchAndStochasticGradientDescent) {
  Job full = small_job();
  full.train.batch = 0;
  full.train.epochs = 3;
  const auto factory = build_model(mlp_options(), image_spec());
  const auto summary = train(full, factory);
  EXPECT_EQ(summary.json["steps"], 3);
  EXPECT_EQ(summary.json["batch"], 101);
  Job stochastic = small_job();
  stochastic.train.batch = 1;
  stochastic.train.lanes = 0;
  stochastic.train.epochs = 1;
  EXPECT_EQ(train(stochastic, factory).json["steps"], 101);
  EXPECT_EQ(train(stochastic, factory).json["lanes"], 1);
}

TEST(Trainer, RefusesFewerSamplesThanLanes) {
  Job job = small_job();
  job.train.batch = 4;
  try {
    train(job, model_factory<NoisyNet>());
    FAIL() << "accepted";
  } catch (const InputError& error) {
    EXPECT_THAT(error.what(), HasSubstr("train.lanes to 4 or less"));
  }
}

TEST(Trainer, NamesTheModelProblemAndTheShape) {
  const auto wrong = tensor_dataset(torch::rand({50, 10}), torch::zeros({50}, torch::kLong),
                                    {{10}, Task::classification, 4, {}, {}});
  try {
    train(small_job(), model_factory<NoisyNet>(), {.replicas = 2}, {wrong, nullptr, nullptr});
    FAIL() << "accepted";
  } catch (const InputError& error) {
    EXPECT_THAT(error.what(), HasSubstr("samples of shape [10]"));
    EXPECT_EQ(std::string(error.what()).find('\n'), std::string::npos);
  }
}

TEST(Trainer, BatchNormWithOneSampleALaneSaysWhatToDo) {
  ModelOptions options = mlp_options();
  options.own.edit<MlpOptions>().batch_norm = true;
  try {
    train(small_job(),
          build_model(options, image_spec()));  // the last batch has 5 samples for 8 lanes
    FAIL() << "accepted";
  } catch (const InputError& error) {
    EXPECT_THAT(error.what(), HasSubstr("train.last_batch"));
  }
  Job job = small_job();
  job.train.last_batch = "drop";
  EXPECT_EQ(train(job, build_model(options, image_spec()), {.replicas = 1}).weights_sha256,
            train(job, build_model(options, image_spec()), {.replicas = 3}).weights_sha256);
}

TEST(Trainer, TwoParametersWithOneGradientStorage) {
  struct Shared : torch::nn::Module {
    Shared() {
      a = register_parameter("a", torch::zeros({64, 4}));
      b = register_parameter("b", torch::zeros({4, 64}));
      unused = register_parameter("unused", torch::ones({7}));
    }
    torch::Tensor forward(const torch::Tensor& x) {
      return x.flatten(1).matmul(a + b.reshape({64, 4}));
    }
    torch::Tensor a, b, unused;
  };
  const auto summary = train(small_job(), model_factory<Shared>(), {.replicas = 3});
  const auto parameters = summary.model->named_parameters();
  EXPECT_TRUE(torch::equal(parameters["a"], parameters["b"].reshape({64, 4})));
  EXPECT_TRUE(torch::equal(parameters["unused"], torch::ones({7})));
  EXPECT_EQ(train(small_job(), model_factory<Shared>(), {.replicas = 1}).weights_sha256,
            summary.weights_sha256);
}

// -- values that are not finite

std::shared_ptr<Dataset> with_nan(std::int64_t sample) {
  const auto clean = images();
  std::vector<std::int64_t> rows(101);
  std::iota(rows.begin(), rows.end(), 0);
  Batch all = clean->read(rows);
  all.features[sample][0][0][0] = std::nan("");
  return tensor_dataset(all.features, all.target, image_spec());
}

TEST(Trainer, StopsAtAValueThatIsNotFiniteAndNamesTheSample) {
  for (const int replicas : {1, 3}) {
    try {
      train(small_job(), model_factory<NoisyNet>(), {.replicas = replicas},
            {with_nan(42), nullptr, nullptr});
      FAIL() << "went on";
    } catch (const NonFiniteError& error) {
      EXPECT_THAT(error.what(), HasSubstr("step "));
      EXPECT_THAT(error.what(), HasSubstr("lane "));
      EXPECT_THAT(error.what(), HasSubstr("sample 42;"));
    }
  }
}

TEST(Trainer, SkipsTheStepWhenAskedTo) {
  Job job = small_job();
  job.train.on_nonfinite = "skip";
  const auto one =
      train(job, model_factory<NoisyNet>(), {.replicas = 1}, {with_nan(42), nullptr, nullptr});
  const auto two =
      train(job, model_factory<NoisyNet>(), {.replicas = 2}, {with_nan(42), nullptr, nullptr});
  EXPECT_EQ(one.json["skipped_steps"], 2);  // once an epoch
  EXPECT_EQ(one.weights_sha256, two.weights_sha256);
  for (const auto& parameter : one.model->parameters())
    EXPECT_TRUE(torch::isfinite(parameter).all().item<bool>());
}

// -- stopping and going on

struct StopAt : Observer {
  explicit StopAt(std::int64_t at) : step(at) {}
  void on_event(const nlohmann::ordered_json& event) override {
    if (event["event"] == "step" && event["step"] == step) stop = true;
  }
  std::int64_t step;
  std::atomic<bool> stop{false};
};

TEST(Trainer, ResumedMidEpochEndsWithTheSameBits) {
  for (const NamedModel& model : models()) {
    const std::string expected = train(small_job(), model.factory).weights_sha256;
    for (const std::int64_t at : {1, 4, 5, 7}) {  // an epoch has 5 steps
      const TemporaryFolder folder;
      StopAt observer(at);
      RunOptions options{
          .replicas = 2, .out = folder.path(), .observers = {&observer}, .stop = &observer.stop};
      EXPECT_THROW(train(small_job(), model.factory, options), Interrupted);
      const auto resumed =
          train(small_job(), model.factory, {.replicas = 3, .out = folder.path(), .resume = true});
      EXPECT_EQ(resumed.weights_sha256, expected) << model.name << " stopped after step " << at;
      EXPECT_EQ(resumed.json["steps"], 10);
    }
  }
}

TEST(Trainer, ADamagedNewestCheckpointIsPassedOver) {
  const TemporaryFolder folder;
  Job job = small_job();
  job.train.checkpoint.every = 3;
  job.train.checkpoint.keep_every = 3;
  const auto factory = model_factory<NoisyNet>();
  const auto whole = train(job, factory, {.out = folder.path()});
  const CheckpointStore store(folder.path() / "checkpoints", 3);
  const auto files = store.list();
  ASSERT_EQ(files.size(), 4u);
  std::filesystem::resize_file(files[0], 1000);
  const auto again = train(job, factory, {.out = folder.path(), .resume = true});
  EXPECT_EQ(again.weights_sha256, whole.weights_sha256);
}

TEST(Trainer, RefusesToResumeWithAnotherJobOrModel) {
  const TemporaryFolder folder;
  train(small_job(), model_factory<NoisyNet>(), {.out = folder.path()});
  Job other = small_job();
  other.train.optimizer.rate = 0.2;
  try {
    train(other, model_factory<NoisyNet>(), {.out = folder.path(), .resume = true});
    FAIL() << "accepted";
  } catch (const InputError& error) {
    EXPECT_THAT(error.what(), HasSubstr("train.optimizer.rate was 0.1 and is now 0.2"));
  }
  try {
    train(small_job(), build_model(mlp_options(), image_spec()),
          {.out = folder.path(), .resume = true});
    FAIL() << "accepted";
  } catch (const InputError& error) {
    EXPECT_THAT(error.what(), HasSubstr("another model"));
  }
}

TEST(Trainer, AResumedRunCanBeMadeLonger) {
  const TemporaryFolder folder;
  train(small_job(), model_factory<NoisyNet>(), {.out = folder.path()});
  Job longer = small_job();
  longer.train.epochs = 4;
  const auto expected = train(longer, model_factory<NoisyNet>()).weights_sha256;
  EXPECT_EQ(train(longer, model_factory<NoisyNet>(), {.out = folder.path(), .resume = true})
                .weights_sha256,
            expected);
}

}  // namespace train_trainer_test
}  // namespace convoy
