// Training with several workers, as threads: the same bits as one worker, whatever the partition.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <numeric>

#include "comm_support.hpp"
#include "convoy/core/error.hpp"
#include "convoy/core/file.hpp"
#include "core/fault.hpp"
#include "train_support.hpp"

namespace convoy {
namespace train_group_test {

using testing::images;
using testing::small_job;
using testing::TemporaryFolder;

struct Split {
  int workers = 1;
  int replicas = 1;
  std::string bucket = "off";
  std::vector<int> hosts;
};

// Trains on a group; the digests of all workers.
std::vector<std::string> digests(Job job, const ModelFactory& factory, const Split& split,
                                 RunOptions options = {}) {
  job.strategy.bucket = split.bucket;
  options.replicas = split.replicas;
  std::vector<std::string> all(static_cast<std::size_t>(split.workers));
  testing::in_group(
      split.workers,
      [&](const std::shared_ptr<Communicator>& group) {
        RunOptions own = options;
        own.group = group;
        all[group->rank()] = testing::train(job, factory, own).weights_sha256;
      },
      std::chrono::seconds(60), split.hosts);
  return all;
}

void expect_same_bits(const Job& job, const ModelFactory& factory,
                      const std::vector<Split>& splits) {
  const std::string expected = testing::train(job, factory).weights_sha256;
  for (const Split& split : splits) {
    EXPECT_EQ(digests(job, factory, split),
              std::vector<std::string>(static_cast<std::size_t>(split.workers), expected))
        << split.workers << " workers of " << split.replicas << " replicas, bucket " << split.bucket
        << ", last host " << (split.hosts.empty() ? 0 : split.hosts.back());
  }
}

TEST(TrainGroup, MlpHasTheSameBitsForAnyWorkersReplicasAndBuckets) {
  const Job job = small_job();
  const ModelFactory factory = build_model(testing::mlp_options(), testing::image_spec());
  expect_same_bits(job, factory,
                   {{2, 1, "off"},
                    {2, 2, "0.01"},
                    {3, 1, "0.01"},
                    {3, 2, "off"},
                    {4, 1, "auto"},
                    {8, 1, "0.01"},
                    {11, 1, "off"}});  // more workers than lanes
}

TEST(TrainGroup, HostsAreALevelOfTheirOwn) {
  Job job = small_job();
  job.train.epochs = 1;
  const ModelFactory factory = build_model(testing::mlp_options(), testing::image_spec());
  expect_same_bits(job, factory,
                   {{2, 1, "off", {0, 1}},
                    {4, 1, "off", {0, 0, 1, 1}},
                    {3, 2, "0.01", {0, 1, 1}},
                    {5, 1, "0.01", {0, 0, 0, 1, 2}},
                    {8, 1, "off", {0, 0, 0, 1, 1, 1, 2, 2}}});
}

TEST(TrainGroup, BatchNormStatisticsAndCountersAreMergedAcrossWorkers) {
  Job job = small_job();
  job.train.last_batch = "drop";
  job.train.optimizer = {.kind = "adam", .rate = 0.003};
  const ModelFactory factory = build_model(testing::cnn_with_batch_norm(), testing::image_spec());
  expect_same_bits(job, factory,
                   {{2, 1, "off"}, {3, 1, "0.01"}, {4, 2, "off", {0, 0, 1, 1}}, {8, 1, "off"}});
}

TEST(TrainGroup, AUsersModuleWithRandomOperations) {
  const ModelFactory factory = model_factory<testing::NoisyNet>();
  expect_same_bits(small_job(), factory, {{2, 1, "0.01"}, {3, 2, "0.01"}, {4, 1, "off"}});
}

// Parameters that share nothing, are shared, get no gradient, or get a view of another's.
struct OddNet : torch::nn::Module {
  OddNet() {
    first = register_module("first", torch::nn::Linear(64, 16));
    tied = register_module("tied", torch::nn::Linear(16, 16));
    unused = register_parameter("unused", torch::ones({9000}));
    shift = register_parameter("shift", torch::zeros({16}));
    scale = register_parameter("scale", torch::zeros({4, 4}));
    last = register_module("last", torch::nn::Linear(16, 4));
  }
  torch::Tensor forward(torch::Tensor x) {
    x = torch::relu(first(x.flatten(1)));
    x = tied(torch::relu(tied(x)));
    return last(x + (shift + scale.view({16})));
  }
  torch::nn::Linear first{nullptr}, tied{nullptr}, last{nullptr};
  torch::Tensor unused, shift, scale;
};

TEST(TrainGroup, SharedUnusedAndAliasedGradientsStream) {
  expect_same_bits(small_job(), model_factory<OddNet>(),
                   {{1, 2, "off"}, {2, 1, "0.01"}, {2, 2, "0.03"}, {4, 1, "0.01"}, {8, 1, "0.01"}});
}

TEST(TrainGroup, EqualPowerOfTwoRangesSendWhatAReduceScatterAndAnAllGatherSend) {
  Job job = small_job();
  job.train.epochs = 1;
  const ModelFactory factory = build_model(testing::mlp_options(), testing::image_spec());
  for (const int workers : {2, 4, 8}) {
    for (const bool one_host : {false, true}) {
      std::vector<int> hosts(static_cast<std::size_t>(workers));
      if (!one_host) std::iota(hosts.begin(), hosts.end(), 0);
      nlohmann::ordered_json summary;
      testing::in_group(
          workers,
          [&](const std::shared_ptr<Communicator>& group) {
            RunOptions options;
            options.group = group;
            const RunSummary result = testing::train(job, factory, options);
            if (group->rank() == 0) summary = result.json;
          },
          std::chrono::seconds(60), hosts);
      double sent = 0;
      for (const auto& worker : summary["workers"])
        sent += worker["bytes_sent_per_step"].get<double>();
      const auto parameters = summary["parameters"].get<double>();
      // Who shares the weights need not gather them.
      const int passes = one_host ? 1 : 2;
      EXPECT_EQ(sent, passes * (workers - 1) * parameters * sizeof(float)) << workers;
    }
  }
}

TEST(TrainGroup, EachWorkerKeepsTheOptimizerStateOfItsOwnBlocks) {
  Job job = small_job();
  job.train.epochs = 1;
  const ModelOptions wide{.kind = "mlp", .own = MlpOptions{.hidden = {2048}}};
  const ModelFactory factory = build_model(wide, testing::image_spec());
  nlohmann::ordered_json summary;
  testing::in_group(4, [&](const std::shared_ptr<Communicator>& group) {
    RunOptions options;
    options.group = group;
    const RunSummary result = testing::train(job, factory, options);
    if (group->rank() == 0) summary = result.json;
  });
  const double whole = summary["parameters"].get<double>() * sizeof(float);
  for (const auto& worker : summary["workers"])
    EXPECT_LT(worker["optimizer_state_bytes"].get<double>(), whole / 4 + 8192 * sizeof(float));
}

TEST(TrainGroup, ACheckpointOfSomeWorkersIsContinuedByOthers) {
  Job job = small_job();
  job.train.checkpoint.every = 4;
  job.train.optimizer = {.kind = "adamw", .rate = 0.1};
  const ModelFactory factory = build_model(testing::mlp_options(), testing::image_spec());
  const std::string expected = testing::train(job, factory).weights_sha256;
  const TemporaryFolder folder;
  RunOptions options;
  options.out = folder.path();
  const auto part = [&](std::int64_t steps, const Split& split) {
    Job shorter = job;
    shorter.train.steps = steps;
    options.resume = steps > 4;
    return digests(shorter, factory, split, options).front();
  };
  part(4, {3, 1});
  EXPECT_TRUE(std::filesystem::exists(folder.path() / "checkpoints/step-0000000004.shard-2-of-3"));
  part(6, {1, 2});
  part(8, {2, 1, "0.01"});
  EXPECT_EQ(part(10, {4, 1, "off", {0, 0, 1, 1}}), expected);
}

TEST(TrainGroup, ADamagedShardMakesTheCheckpointBeforeItTheNewest) {
  Job job = small_job();
  job.train.checkpoint.every = 4;
  job.train.steps = 8;
  const ModelFactory factory = build_model(testing::mlp_options(), testing::image_spec());
  const std::string expected = testing::train(job, factory).weights_sha256;
  const TemporaryFolder folder;
  RunOptions options;
  options.out = folder.path();
  digests(job, factory, {2, 1}, options);
  const auto shard = folder.path() / "checkpoints/step-0000000008.shard-1-of-2";
  std::fstream file(shard, std::ios::in | std::ios::out | std::ios::binary);
  file.seekp(-3, std::ios::end);
  file.put('\x7f');
  file.close();
  EXPECT_THROW(CheckpointStore::load(folder.path() / "checkpoints/step-0000000008.checkpoint"),
               InputError);
  // Who only wants to predict needs no shards.
  EXPECT_NO_THROW(CheckpointStore::load(folder.path() / "checkpoints/step-0000000008.checkpoint",
                                        /*with_shards=*/false));
  options.resume = true;
  EXPECT_EQ(digests(job, factory, {3, 1}, options).front(), expected);
  std::filesystem::remove(folder.path() / "checkpoints/step-0000000008.shard-1-of-3");
  EXPECT_EQ(digests(job, factory, {1, 1}, options).front(), expected);
}

TEST(TrainGroup, OptimizerShardsOfPrunedCheckpointsGoWithThem) {
  Job job = small_job();
  job.train.checkpoint.every = 1;
  job.train.checkpoint.keep = 2;
  job.train.steps = 6;
  const TemporaryFolder folder;
  RunOptions options;
  options.out = folder.path();
  digests(job, build_model(testing::mlp_options(), testing::image_spec()), {3, 1}, options);
  int checkpoints = 0;
  int shards = 0;
  for (const auto& entry : std::filesystem::directory_iterator(folder.path() / "checkpoints"))
    ++(entry.path().extension() == ".checkpoint" ? checkpoints : shards);
  EXPECT_EQ(shards, 3 * checkpoints);
  EXPECT_LE(checkpoints, 3);
}

TEST(TrainGroup, AllWorkersNameTheLaneThatIsNotFinite) {
  torch::Tensor features = torch::rand({101, 1, 8, 8});
  features[40][0][3][3] = std::numeric_limits<float>::quiet_NaN();
  const auto dataset =
      tensor_dataset(features, torch::zeros({101}, torch::kLong), testing::image_spec());
  std::string expected;
  const ModelFactory factory = build_model(testing::mlp_options(), testing::image_spec());
  try {
    testing::train(small_job(), factory, {}, {dataset, nullptr, nullptr});
  } catch (const NonFiniteError& error) {
    expected = error.what();
  }
  ASSERT_THAT(expected, ::testing::HasSubstr("samples"));
  testing::in_group(3, [&](const std::shared_ptr<Communicator>& group) {
    RunOptions options;
    options.group = group;
    try {
      testing::train(small_job(), factory, options, {dataset, nullptr, nullptr});
      FAIL();
    } catch (const NonFiniteError& error) {
      EXPECT_EQ(error.what(), expected);
    }
  });
}

TEST(TrainGroup, OneWorkerAskedToStopStopsAllAfterTheSameStep) {
  const TemporaryFolder folder;
  std::atomic<bool> stop{true};
  testing::in_group(3, [&](const std::shared_ptr<Communicator>& group) {
    RunOptions options;
    options.group = group;
    options.out = folder.path();
    if (group->rank() == 2) options.stop = &stop;
    EXPECT_THROW(
        testing::train(small_job(), build_model(testing::mlp_options(), testing::image_spec()),
                       options),
        Interrupted);
  });
  EXPECT_TRUE(std::filesystem::exists(folder.path() / "checkpoints/step-0000000001.checkpoint"));
}

TEST(TrainGroup, EvaluationIsGatheredInOrderFromAllWorkers) {
  const Job job = small_job();
  const ModelFactory factory = build_model(testing::mlp_options(), testing::image_spec());
  const auto alone = testing::train(job, factory).json;
  testing::in_group(3, [&](const std::shared_ptr<Communicator>& group) {
    Job small = job;
    small.evaluate.batch = 256;
    RunOptions options;
    options.group = group;
    const RunSummary result = testing::train(small, factory, options);
    if (group->rank() == 0) {
      EXPECT_EQ(result.json["evaluation"], alone["evaluation"]);
    }
  });
}

// How many buckets were under way while the same worker's backward ran.
int overlapping_buckets(const nlohmann::json& trace) {
  struct Span {
    double begin, end;
  };
  std::map<int, std::vector<Span>> backward;
  std::map<int, std::vector<Span>> buckets;
  for (const auto& event : trace["traceEvents"]) {
    if (event["ph"] != "X") continue;
    const Span span{event["ts"], event["ts"].get<double>() + event["dur"].get<double>()};
    if (event["name"] == "backward") backward[event["pid"]].push_back(span);
    if (event["name"] == "communicate" && event["args"].contains("bucket"))
      buckets[event["pid"]].push_back(span);
  }
  EXPECT_EQ(backward.size(), 2u);
  int overlapping = 0;
  for (const auto& [pid, spans] : buckets) {
    for (const Span& bucket : spans) {
      for (const Span& b : backward[pid])
        overlapping += bucket.begin < b.end && b.begin < bucket.end;
    }
  }
  return overlapping;
}

TEST(TrainGroup, TheTimelineShowsBucketsLeavingDuringBackward) {
  const TemporaryFolder folder;
  Job job = small_job();
  const ModelOptions deep{.kind = "mlp", .own = MlpOptions{.hidden = {512, 512, 512}}};
  job.strategy.bucket = "0.05";
  const ModelFactory factory = build_model(deep, testing::image_spec());
  int overlapping = 0;
  // On a busy machine the communication thread may not get a core in time, once.
  for (int tries = 0; tries < 10 && overlapping == 0; ++tries) {
    testing::in_group(2, [&](const std::shared_ptr<Communicator>& group) {
      RunOptions options;
      options.group = group;
      options.trace = folder.path() / "trace.json";
      testing::train(job, factory, options);
    });
    overlapping =
        overlapping_buckets(nlohmann::json::parse(read_text_file(folder.path() / "trace.json")));
  }
  EXPECT_GT(overlapping, 0);
}

// Of two workers that differ nobody knows which is right: both go back to the last checkpoint on
// which they agreed, and take the steps since again.
TEST(TrainGroup, ARunThatIsTakenBackComputesTheStepsSinceAgain) {
  Job job = small_job();
  job.train.verify_every = 1;
  job.train.checkpoint.every = 3;
  const ModelFactory factory = build_model(testing::mlp_options(), testing::image_spec());
  const std::string expected = testing::train(job, factory).weights_sha256;
  const TemporaryFolder folder;
  const ScopedFaults faults("weights:flip,step=5,at=20");  // of whichever worker is the first there
  const auto all = digests(job, factory, {2}, {.out = folder.path() / "run"});
  EXPECT_EQ(faults.struck(), 1);
  EXPECT_EQ(all, std::vector<std::string>(2, expected));
  const auto log = read_text_file(folder.path() / "run" / "metrics.jsonl");
  EXPECT_THAT(log, ::testing::HasSubstr("differed after step 5 (a memory or processor fault), with "
                                        "no majority; all go on from the checkpoint of step 3"));
}

}  // namespace train_group_test
}  // namespace convoy
