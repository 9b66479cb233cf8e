// Nothing goes around Compute: jobs whose weights, gradients and states are in memory that only it
// may touch end with the same bits.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "apart_compute.hpp"
#include "comm_support.hpp"
#include "data/partition/columns.hpp"
#include "elastic_support.hpp"
#include "train_support.hpp"

namespace convoy {
namespace compute_test {

using testing::ApartCompute;
using testing::small_job;
using testing::TemporaryFolder;

// Lives as long as the models of its runs.
struct Devices {
  std::vector<std::unique_ptr<ApartCompute>> all;
  std::mutex mutex;
  const Compute& next() {
    const std::lock_guard lock(mutex);
    return *all.emplace_back(std::make_unique<ApartCompute>());
  }
};

ModelFactory network() {
  return build_model(testing::cnn_with_batch_norm(), testing::image_spec());
}

Job adam_job() {
  Job job = small_job();
  job.train.last_batch = "drop";
  job.train.optimizer = {.kind = "adam", .rate = 0.003};
  job.train.clip.norm = 0.5;
  return job;
}

// The digest of all workers; each with a device of its own, or (null) in the host's memory.
std::string digest(const Job& job, int workers, Devices* devices, std::vector<int> hosts = {},
                   int replicas = 1) {
  std::vector<std::string> all(static_cast<std::size_t>(workers));
  const auto train = [&](std::shared_ptr<Communicator> group) {
    RunOptions options;
    options.replicas = replicas;
    options.group = group;
    if (devices != nullptr) options.device = &devices->next();
    const RunSummary summary = testing::train(job, network(), options);
    all[static_cast<std::size_t>(group ? group->rank() : 0)] = summary.weights_sha256;
    if (devices == nullptr) return;
    const auto& device = static_cast<const ApartCompute&>(*options.device);
    for (const torch::Tensor& parameter : summary.model->parameters())
      EXPECT_TRUE(device.has(parameter.const_data_ptr()));
  };
  if (workers == 1) {
    train(nullptr);
  } else {
    testing::in_group(
        workers, [&](const std::shared_ptr<Communicator>& group) { train(group); },
        std::chrono::seconds(60), hosts);
  }
  for (const std::string& one : all) EXPECT_EQ(one, all[0]);
  return all[0];
}

void expect_same(const std::string& what, const Job& job, int workers, std::vector<int> hosts = {},
                 int replicas = 1) {
  SCOPED_TRACE(what);
  Devices devices;
  EXPECT_EQ(digest(job, workers, &devices, hosts, replicas),
            digest(job, workers, nullptr, hosts, replicas));
}

TEST(Compute, TheSynchronousStrategyGoesThroughIt) {
  expect_same("alone", adam_job(), 1);
  expect_same("replicas", adam_job(), 1, {}, 3);
  expect_same("a group", adam_job(), 2);
  expect_same("two hosts of two workers", adam_job(), 4, {0, 0, 1, 1});
  Job buckets = adam_job();
  buckets.strategy.bucket = "0.01";
  expect_same("buckets that leave early", buckets, 3, {0, 0, 1}, 2);
}

TEST(Compute, EveryOperationIsAskedFor) {
  Devices devices;
  digest(adam_job(), 2, &devices);
  for (const auto& device : devices.all) {
    EXPECT_GT(device->counts().copy, 0);
    EXPECT_GT(device->counts().add, 0);
    EXPECT_GT(device->counts().sum_of_squares, 0);
    EXPECT_GT(device->counts().update, 0);
    EXPECT_GT(device->counts().sent, 0);
    EXPECT_GT(device->counts().arrived, 0);
    EXPECT_GT(device->counts().adopted, 0);
  }
}

TEST(Compute, CompressedSumsGoThroughIt) {
  for (const char* kind : {"int8", "top_k", "power_sgd"}) {
    Job job = adam_job();
    job.strategy.compression.kind = kind;
    expect_same(kind, job, 2);
  }
}

TEST(Compute, StepsOfTheirOwnGoThroughIt) {
  for (const char* kind : {"local_sgd", "elastic_averaging", "gossip"}) {
    Job job = adam_job();
    job.strategy = testing::averaging(kind, 3);
    expect_same(kind, job, 2);
  }
}

TEST(Compute, ParameterServersGoThroughIt) {
  Job job = adam_job();
  job.strategy = {.kind = "parameter_server", .own = ParameterServerOptions{.servers = 2}};
  expect_same("servers", job, 1, {}, 2);
  job.strategy.compression.kind = "int8";
  // No promise of bits: that it does not crash is the test.
  job.strategy.own.edit<ParameterServerOptions>().consistency = "ssp";
  Devices devices;
  EXPECT_EQ(digest(job, 1, &devices).size(), 64u);
}

TEST(Compute, CheckpointsHoldWhatIsThere) {
  const TemporaryFolder folder;
  Job job = adam_job();
  const std::string whole = testing::train(job, network()).weights_sha256;
  job.train.checkpoint.every = 3;
  for (const int workers : {1, 2}) {
    Devices devices;
    const auto run = [&](std::int64_t epochs, bool resume) {
      std::string result;
      const auto train = [&](std::shared_ptr<Communicator> group) {
        Job own = job;
        own.train.epochs = epochs;
        RunOptions options;
        options.group = group;
        options.out = folder.path() / std::to_string(workers);
        options.resume = resume;
        options.device = &devices.next();
        const RunSummary summary = testing::train(own, network(), options);
        if (!group || group->rank() == 0) result = summary.weights_sha256;
      };
      if (workers == 1)
        train(nullptr);
      else
        testing::in_group(workers,
                          [&](const std::shared_ptr<Communicator>& group) { train(group); });
      return result;
    };
    run(1, false);
    EXPECT_EQ(run(2, true), whole) << workers;
  }
}

TEST(Compute, ElasticJobsGoThroughIt) {
  for (const char* kind : {"synchronous", "local_sgd"}) {
    Job plain = small_job();
    plain.strategy.kind = kind;
    testing::Elastic job(2);
    Devices devices;
    job.announce(3);
    job.job = plain;
    job.factory = network();
    job.device = [&]() -> const Compute& { return devices.next(); };
    job.start(0);
    job.start(1);
    job.start(2, [](int reads) {
      if (reads > 12) throw testing::Killed();
    });
    job.wait();
    const auto digests = job.digests();
    ASSERT_EQ(digests.size(), 2u) << kind;
    EXPECT_EQ(digests.at(0), digests.at(1)) << kind;
    if (plain.strategy.kind == "synchronous")
      EXPECT_EQ(digests.at(0),
                testing::train(plain, network(), {}, {testing::images(), nullptr, nullptr})
                    .weights_sha256);
  }
}

TEST(Compute, ColumnsGoThroughIt) {
  constexpr std::int64_t features = 21;
  const DataSpec spec{{features}, Task::classification, 4, {"a", "b", "c", "d"}, {}};
  auto generator = at::make_generator<at::CPUGeneratorImpl>(7);
  const torch::Tensor samples = torch::rand({60, features}, generator);
  const torch::Tensor target = torch::randint(0, 4, {60}, generator, torch::kLong);
  Job job = small_job();
  job.partition = {.by = "column", .own = ByColumn{.columns = 4}};
  const ModelOptions model = testing::mlp_options();
  const auto run = [&](Devices* devices) {
    std::vector<std::string> all(2);
    testing::in_group(2, [&](const std::shared_ptr<Communicator>& group) {
      ColumnPartition partition;
      for (std::int64_t p = 0; p < 4; ++p) partition.parts.push_back(even_part(features, 4, p));
      for (int w = 0; w < 2; ++w) partition.workers.push_back(even_part(4, 2, w));
      partition.worker = group->rank();
      const Range own = partition.own_features();
      DataSpec own_spec = spec;
      own_spec.feature_shape = {own.size()};
      RunOptions options;
      options.group = group;
      options.columns =
          std::make_shared<const ColumnModel>(ColumnModel{partition, split_model(model, spec)});
      if (devices != nullptr) options.device = &devices->next();
      const auto data =
          tensor_dataset(samples.narrow(1, own.begin, own.size()).contiguous(), target, own_spec);
      all[static_cast<std::size_t>(group->rank())] =
          testing::train(job, build_model(model, spec), options, {data, nullptr, data})
              .weights_sha256;
    });
    return all[0];
  };
  Devices devices;
  EXPECT_EQ(run(&devices), run(nullptr));
}

}  // namespace compute_test
}  // namespace convoy
