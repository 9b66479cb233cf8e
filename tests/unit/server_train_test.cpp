// Training with parameter servers in one process: bsp gives the bits of the
// synchronous strategy, ssp and async learn too.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>

#include "convoy/core/error.hpp"
#include "train_support.hpp"

namespace convoy {
namespace server_train_test {

using testing::small_job;
using testing::TemporaryFolder;

// Of four classes. What depends on timing ends above this, synchronous training at about 0.78.
constexpr double learnt = 0.45;

Job served(Job job, int servers, const std::string& consistency = "bsp") {
  job.strategy.kind = "parameter_server";
  job.strategy.own = ParameterServerOptions{.consistency = consistency, .servers = servers};
  return job;
}

RunSummary train_with(const Job& job, const ModelFactory& factory, int replicas,
                      RunOptions options = {}) {
  options.replicas = replicas;
  return testing::train(job, factory, std::move(options));
}

ModelFactory mlp() {
  return build_model(testing::mlp_options(), testing::image_spec());
}

void expect_same_bits(Job job, const ModelFactory& factory) {
  const std::string expected = testing::train(job, factory).weights_sha256;
  for (const auto& [servers, replicas] :
       std::vector<std::pair<int, int>>{{1, 1}, {1, 2}, {2, 1}, {3, 3}, {2, 8}, {5, 11}}) {
    EXPECT_EQ(train_with(served(job, servers), factory, replicas).weights_sha256, expected)
        << servers << " servers, " << replicas << " replicas";
  }
}

TEST(ServerTrain, BspOfAnMlpHasTheBitsOfTheSynchronousStrategy) {
  expect_same_bits(small_job(), mlp());
}

TEST(ServerTrain, BspWithBatchNormAdamAndClippingHasThemToo) {
  Job job = small_job();
  job.train.last_batch = "drop";
  job.train.optimizer = {.kind = "adam", .rate = 0.003};
  job.train.clip.norm = 0.5;
  job.train.schedule.kind = "cosine";
  expect_same_bits(job, build_model(testing::cnn_with_batch_norm(), testing::image_spec()));
}

TEST(ServerTrain, BspOfAUsersModuleWithSmallBuckets) {
  Job job = small_job();
  job.strategy.bucket = "0.01";
  expect_same_bits(job, model_factory<testing::NoisyNet>());
}

// Each sample looks up a few rows of a table.
struct LookUp : torch::nn::Module {
  LookUp() {
    table = register_module("table", torch::nn::Embedding(20000, 16));
    head = register_module("head", torch::nn::Linear(16, 4));
  }
  torch::Tensor forward(torch::Tensor x) {
    const auto rows = (x.flatten(1).narrow(1, 0, 4) * 13000).to(torch::kLong);
    return head(table(rows).sum(1));
  }
  torch::nn::Embedding table{nullptr};
  torch::nn::Linear head{nullptr};
};

TEST(ServerTrain, OfAnEmbeddingOnlyTouchedRowsTravel) {
  Job job = small_job();
  job.train.optimizer.own.edit<SgdOptions>().momentum = 0;
  const std::string expected = testing::train(job, model_factory<LookUp>()).weights_sha256;
  const RunSummary summary = train_with(served(job, 2), model_factory<LookUp>(), 2);
  EXPECT_EQ(summary.weights_sha256, expected);
  double pushed = 0;
  double pulled = 0;
  for (const auto& server : summary.json["servers"]) {
    pushed += server["bytes_pushed"].get<double>();
    pulled += server["bytes_pulled"].get<double>();
  }
  const double table = 20000 * 16 * 4;
  EXPECT_LT(pushed, 1.2 * table);  // once at the start, and then 10 steps of at most 24 * 4 rows
  EXPECT_LT(pulled, 3 * table);    // once by each worker, and then what changed
}

TEST(ServerTrain, BspGoesOnFromACheckpointWithTheSameBits) {
  Job job = small_job();
  job.train.optimizer = {.kind = "adamw", .rate = 0.003};
  const std::string expected = testing::train(job, mlp()).weights_sha256;
  const TemporaryFolder folder;
  RunOptions options;
  options.out = folder.path();
  Job half = served(job, 2);
  half.train.epochs = 1;
  train_with(half, mlp(), 2, options);
  options.resume = true;
  EXPECT_EQ(train_with(served(job, 3), mlp(), 3, options).weights_sha256, expected);
  // And from there with the other strategy.
  EXPECT_EQ(testing::train(job, mlp(), options).weights_sha256, expected);
}

TEST(ServerTrain, SspAndAsyncLearn) {
  Job job = small_job();
  job.train.epochs = 8;
  job.train.optimizer.own.edit<SgdOptions>().momentum = 0;
  for (const std::string consistency : {"ssp", "async"}) {
    for (const std::string compensation : {"none", "dc_asgd", "staleness"}) {
      Job own = served(job, 2, consistency);
      own.strategy.own.edit<ParameterServerOptions>().staleness = 2;
      own.strategy.own.edit<ParameterServerOptions>().compensation = compensation;
      const RunSummary summary = train_with(own, mlp(), 3);
      EXPECT_EQ(summary.json["steps"], 40);
      EXPECT_GT(summary.json["final"]["test_accuracy"], learnt)
          << consistency << " " << compensation;
      std::int64_t tasks = 0;
      for (const auto& worker : summary.json["servers"][0]["tasks"])
        tasks += worker[1].get<std::int64_t>();
      EXPECT_EQ(tasks, 40 * 3);
      for (const auto& server : summary.json["servers"]) {
        EXPECT_EQ(server["updates"], 40 * 3 - 8);  // an epoch's short batch has nothing for one
        if (consistency == "ssp") {
          EXPECT_LE(server["staleness_max"], 3 * (2 + 1) * 2);
        }
      }
    }
  }
}

TEST(ServerTrain, CompressedPushesAreFewerBytesAndLearn) {
  Job job = small_job();
  job.train.epochs = 20;  // what depends on timing has learned by then
  job.train.optimizer.own.edit<SgdOptions>().momentum = 0;
  const auto pushed_by = [](const RunSummary& summary) {
    double bytes = 0;
    for (const auto& server : summary.json["servers"])
      bytes += server["bytes_pushed"].get<double>();
    return bytes;
  };
  for (const std::string consistency : {"ssp", "async"}) {
    Job own = served(job, 2, consistency);
    const double whole = pushed_by(train_with(own, mlp(), 3));
    for (const std::string kind : {"fp16", "bf16", "int8", "top_k", "random_k"}) {
      for (const bool feedback : {true, false}) {
        own.strategy.compression = {.kind = kind, .error_feedback = feedback};
        if (kind.ends_with("_k")) own.strategy.compression.own = SparseOptions{.part = 0.25};
        const RunSummary summary = train_with(own, mlp(), 3);
        EXPECT_LT(pushed_by(summary), 0.6 * whole) << kind;
        EXPECT_GT(summary.json["final"]["test_accuracy"], learnt)
            << consistency << " " << kind << " " << feedback;
      }
    }
  }
}

TEST(ServerTrain, AWorkerThatPullsAheadIsOneUpdateLate) {
  Job job = served(small_job(), 2, "async");
  job.train.epochs = 8;
  job.train.optimizer.own.edit<SgdOptions>().momentum = 0;
  const RunSummary late = train_with(job, mlp(), 1);
  job.strategy.own.edit<ParameterServerOptions>().prefetch = true;
  const RunSummary summary = train_with(job, mlp(), 1);
  for (const auto& server : summary.json["servers"]) {
    EXPECT_EQ(server["staleness_max"], 1);
    EXPECT_EQ(server["delays"],
              nlohmann::json::parse("[[0, 1], [1, 39]]"));  // late but for the first
  }
  EXPECT_EQ(late.json["servers"][0]["staleness_max"], 0);
  EXPECT_GT(summary.json["final"]["test_accuracy"], learnt);
  EXPECT_GT(train_with(job, mlp(), 3).json["final"]["test_accuracy"], learnt);
}

TEST(ServerTrain, InAsyncASlowWorkerTakesFewerTasks) {
  Job job = served(small_job(), 1, "async");
  job.train.epochs = 16;
  job.evaluate.every = 100;
  RunOptions options;
  options.slow_replica = 1;
  options.slowness = 50;
  const RunSummary summary = train_with(job, mlp(), 2, options);
  const auto& tasks = summary.json["servers"][0]["tasks"];
  ASSERT_EQ(tasks.size(), 2u);
  EXPECT_GT(tasks[0][1].get<int>(), 3 * tasks[1][1].get<int>()) << tasks;
  EXPECT_EQ(tasks[0][1].get<int>() + tasks[1][1].get<int>(), 16 * 5 * 2);
}

// Its loss is NaN whenever a bright sample is among its lane's.
struct Fragile : torch::nn::Module {
  Fragile() { linear = register_module("linear", torch::nn::Linear(64, 4)); }
  torch::Tensor forward(torch::Tensor x) {
    const double worst = x.max().item<double>();
    torch::Tensor y = linear(x.flatten(1));
    return is_training() && worst > 1.498 ? y * std::numeric_limits<double>::quiet_NaN() : y;
  }
  torch::nn::Linear linear{nullptr};
};

TEST(ServerTrain, StepsThatAreNotFiniteAreLeftOutOrStopTheRun) {
  Job job = small_job();
  EXPECT_THROW(train_with(served(job, 2), model_factory<Fragile>(), 2), NonFiniteError);
  EXPECT_THROW(train_with(served(job, 2, "async"), model_factory<Fragile>(), 2), NonFiniteError);
  job.train.on_nonfinite = "skip";
  const RunSummary expected = testing::train(job, model_factory<Fragile>());
  const RunSummary summary = train_with(served(job, 2), model_factory<Fragile>(), 2);
  EXPECT_GT(expected.json["skipped_steps"], 0);
  EXPECT_EQ(summary.json["skipped_steps"], expected.json["skipped_steps"]);
  EXPECT_EQ(summary.weights_sha256, expected.weights_sha256);
}

TEST(ServerTrain, AStopLeavesACheckpointToGoOnFrom) {
  for (const std::string consistency : {"bsp", "ssp", "async"}) {
    const TemporaryFolder folder;
    std::atomic<bool> stop{false};
    struct Stopper : Observer {
      explicit Stopper(std::atomic<bool>& flag) : stop(flag) {}
      void on_event(const nlohmann::ordered_json& event) override {
        if (event["event"] == "step" && event["step"] >= 3) stop = true;
      }
      std::atomic<bool>& stop;
    } stopper(stop);
    RunOptions options;
    options.out = folder.path();
    options.stop = &stop;
    options.observers = {&stopper};
    Job base = small_job();
    base.train.epochs = 60;  // the other worker may be far ahead when this one tells its third step
    const Job job = served(base, 2, consistency);
    EXPECT_THROW(train_with(job, mlp(), 2, options), Interrupted) << consistency;
    RunOptions again;
    again.out = folder.path();
    again.resume = true;
    const RunSummary summary = train_with(job, mlp(), 2, again);
    EXPECT_EQ(summary.json["steps"], 300);
    if (consistency == "bsp") {
      EXPECT_EQ(summary.weights_sha256, testing::train(base, mlp()).weights_sha256);
    }
  }
}

}  // namespace server_train_test
}  // namespace convoy
