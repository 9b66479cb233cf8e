// Training with features that are partitioned by column: the same bits for any workers, and those
// of training by row where sums are in the same order.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "comm_support.hpp"
#include "convoy/core/error.hpp"
#include "convoy/data/partition/partitioner.hpp"
#include "convoy/infer/trained_model.hpp"
#include "convoy/lanes/random.hpp"
#include "convoy/lanes/tree.hpp"
#include "strategies/columns/part_sums.hpp"
#include "train_support.hpp"

namespace convoy {
namespace train_columns_test {

using testing::TemporaryFolder;

constexpr std::int64_t column_features = 53;

DataSpec column_spec(std::int64_t features = column_features) {
  return {{features}, Task::classification, 4, {"a", "b", "c", "d"}, {}};
}

struct ColumnSamples {
  torch::Tensor features;
  torch::Tensor target;
};

ColumnSamples column_samples(std::int64_t count = 101, std::uint64_t seed = 3) {
  auto generator = at::make_generator<at::CPUGeneratorImpl>(seed);
  torch::Tensor features = torch::rand({count, column_features}, generator);
  torch::Tensor target = torch::randint(0, 4, {count}, generator, torch::kLong);
  for (std::int64_t i = 0; i < count; ++i)
    features[i].narrow(0, target[i].item<std::int64_t>() * 12, 12).add_(0.4);
  return {features, target};
}

Job column_job() {
  Job job = testing::small_job();
  job.partition.by = "column";
  job.train.clip.norm = 0.7;
  return job;
}

ColumnPartition partition_in(std::int64_t parts, int workers, int worker) {
  ColumnPartition partition;
  for (std::int64_t p = 0; p < parts; ++p)
    partition.parts.push_back(even_part(column_features, parts, p));
  for (int w = 0; w < workers; ++w) partition.workers.push_back(even_part(parts, workers, w));
  partition.worker = worker;
  return partition;
}

// What one worker is given: its columns of all samples.
TrainingData own_data(const ColumnPartition& partition) {
  const Range own = partition.own_features();
  const auto cut = [&](const ColumnSamples& samples) {
    return tensor_dataset(samples.features.narrow(1, own.begin, own.size()).contiguous(),
                          samples.target, column_spec(own.size()));
  };
  return {cut(column_samples()), nullptr, cut(column_samples(40, 5))};
}

RunSummary train_part(const Job& job, const ModelOptions& model, int workers, int worker,
                      RunOptions options) {
  const ColumnPartition partition = partition_in(*column_parts(job.partition), workers, worker);
  options.columns = std::make_shared<const ColumnModel>(
      ColumnModel{partition, split_model(model, column_spec())});
  return testing::train(job, build_model(model, column_spec()), options, own_data(partition));
}

std::vector<RunSummary> train_by_column(const Job& job, const ModelOptions& model, int workers = 1,
                                        int replicas = 1, RunOptions options = {}) {
  options.replicas = replicas;
  std::vector<RunSummary> all(static_cast<std::size_t>(workers));
  if (workers == 1) {
    all[0] = train_part(job, model, 1, 0, options);
    return all;
  }
  testing::in_group(workers, [&](const std::shared_ptr<Communicator>& group) {
    RunOptions own = options;
    own.group = group;
    all[static_cast<std::size_t>(group->rank())] =
        train_part(job, model, workers, group->rank(), own);
  });
  return all;
}

void expect_same_by_column(const Job& job, const ModelOptions& model) {
  const std::string expected = train_by_column(job, model)[0].weights_sha256;
  for (const auto& [workers, replicas] :
       std::vector<std::pair<int, int>>{{1, 3}, {2, 1}, {2, 2}, {3, 1}, {4, 2}, {8, 1}}) {
    for (const RunSummary& summary : train_by_column(job, model, workers, replicas))
      EXPECT_EQ(summary.weights_sha256, expected)
          << workers << " workers of " << replicas << " replicas";
  }
}

TEST(TrainColumns, TheSameBitsForAnyWorkersAndReplicas) {
  Job job = column_job();
  expect_same_by_column(job, testing::mlp_options());
  job.partition.own = ByColumn{.columns = 11};
  job.strategy.bucket = "0.01";
  expect_same_by_column(job, testing::mlp_options());
}

TEST(TrainColumns, BatchNormDropoutAdamAndAShortBatch) {
  Job job = column_job();
  job.train.optimizer = {.kind = "adam", .rate = 0.003};
  job.train.last_batch = "drop";
  ModelOptions model = testing::mlp_options();
  model.own.edit<MlpOptions>().batch_norm = true;
  model.own.edit<MlpOptions>().dropout = 0.3;
  model.init = "kaiming_normal";
  expect_same_by_column(job, model);
  job.train.last_batch = "keep";  // five samples for eight lanes
  model.own.edit<MlpOptions>().batch_norm = false;
  expect_same_by_column(job, model);
}

TEST(TrainColumns, TheFirstLayerMayBeTheOnlyOne) {
  const ModelOptions model{.kind = "mlp", .own = MlpOptions{.hidden = {}}};
  expect_same_by_column(column_job(), model);
}

// By row, but with its first layer's sum taken by parts along the same tree.
struct PartedNet : torch::nn::Module {
  PartedNet(const Network& whole, std::int64_t count) {
    const auto given = distinct_parameters(*whole.module);
    for (std::int64_t p = 0; p < count; ++p) {
      ranges.push_back(even_part(column_features, count, p));
      parts.push_back(register_parameter(
          "part" + std::to_string(p),
          given[0].tensor.detach().narrow(1, ranges.back().begin, ranges.back().size()).clone()));
    }
    for (std::size_t i = 1; i < given.size(); ++i)
      rest.push_back(
          register_parameter("rest" + std::to_string(i), given[i].tensor.detach().clone()));
  }
  torch::Tensor forward(const torch::Tensor& x) {
    std::vector<torch::Tensor> products;
    std::vector<Range> leaves;
    for (std::size_t p = 0; p < parts.size(); ++p) {
      products.push_back(
          x.narrow(1, ranges[p].begin, ranges[p].size()).contiguous().mm(parts[p].t()));
      leaves.push_back({static_cast<std::int64_t>(p), static_cast<std::int64_t>(p) + 1});
    }
    for (const Addition& add : additions(static_cast<std::int64_t>(parts.size()), leaves))
      products[add.into] = products[add.into] + products[add.from];
    torch::Tensor y = products[0] + rest[0];
    for (std::size_t i = 1; i + 1 < rest.size(); i += 2)
      y = torch::nn::functional::linear(torch::relu(y), rest[i], rest[i + 1]);
    return y;
  }
  std::vector<Range> ranges;
  std::vector<torch::Tensor> parts, rest;
};

TrainingData whole_data() {
  return own_data(partition_in(1, 1, 0));
}

TEST(TrainColumns, EqualsTrainingByRowWhereSumsAreInTheSameOrder) {
  const Job job = column_job();
  const ModelOptions model = testing::mlp_options();
  Job by_row = job;
  by_row.partition.by = "row";
  const RunSummary row = testing::train(
      by_row,
      [&job, whole = build_model(model, column_spec())] {
        auto net = std::make_shared<PartedNet>(whole(), *column_parts(job.partition));
        return Network{net, [raw = net.get()](const torch::Tensor& x) { return raw->forward(x); }};
      },
      {}, whole_data());
  auto* net = dynamic_cast<PartedNet*>(row.model.get());
  const RunSummary column = train_by_column(job, model, 3)[0];
  const auto weights = distinct_parameters(*column.model);
  EXPECT_TRUE(torch::equal(weights[0].tensor, torch::cat(net->parts, 1)));
  ASSERT_EQ(weights.size(), net->rest.size() + 1);
  for (std::size_t i = 0; i < net->rest.size(); ++i)
    EXPECT_TRUE(torch::equal(weights[i + 1].tensor, net->rest[i])) << i;
  EXPECT_EQ(column.json["final"]["train_loss"], row.json["final"]["train_loss"]);
}

// The tolerance that docs/partitioning.md states.
TEST(TrainColumns, AgreesWithTheOrdinaryModelByRow) {
  Job job = column_job();
  const ModelOptions model = testing::mlp_options();
  const RunSummary column = train_by_column(job, model, 2)[0];
  job.partition.by = "row";
  const RunSummary row = testing::train(job, build_model(model, column_spec()), {}, whole_data());
  const auto ours = distinct_parameters(*column.model);
  const auto theirs = distinct_parameters(*row.model);
  ASSERT_EQ(ours.size(), theirs.size());
  for (std::size_t i = 0; i < ours.size(); ++i) {
    EXPECT_EQ(ours[i].name, theirs[i].name);
    EXPECT_LT((ours[i].tensor - theirs[i].tensor).abs().max().item<float>(), 1e-5) << i;
  }
  EXPECT_NEAR(column.json["final"]["train_loss"].get<double>(),
              row.json["final"]["train_loss"].get<double>(), 1e-5);
  EXPECT_NEAR(column.json["final"]["test_loss"].get<double>(),
              row.json["final"]["test_loss"].get<double>(), 1e-5);
  EXPECT_EQ(column.json["parameters"], row.json["parameters"]);
}

TEST(TrainColumns, InitialWeightsAreThoseOfTheWholeModel) {
  for (const char* init : {"default", "xavier_uniform", "xavier_normal", "kaiming_uniform",
                           "kaiming_normal", "normal", "zeros"}) {
    // Weights of more elements than are drawn at once, with a remainder; and a tiny one.
    for (const auto& [features, units] :
         std::vector<std::pair<std::int64_t, std::int64_t>>{{2003, 131}, {3, 2}}) {
      const ModelOptions model{.kind = "mlp", .own = MlpOptions{.hidden = {units}}, .init = init};
      const DataSpec spec = column_spec(features);
      const auto draw = [&](const auto& make) {
        const LaneRandom random(17);
        return make();
      };
      const Network whole = draw(build_model(model, spec));
      const SplitModel split = split_model(model, spec);
      const Network head = draw(split.head);
      const std::vector<Range> ranges{{0, 1}, {1, features}};
      const auto kept = draw([&] { return split.initial(ranges); });
      const auto expected = distinct_parameters(*whole.module);
      EXPECT_EQ(expected[0].name, split.weight);
      EXPECT_TRUE(torch::equal(torch::cat(kept, 1), expected[0].tensor)) << init << features;
      const auto rest = distinct_parameters(*head.module);
      ASSERT_EQ(rest.size() + 1, expected.size());
      for (std::size_t i = 0; i < rest.size(); ++i) {
        EXPECT_EQ(rest[i].name, expected[i + 1].name);
        EXPECT_TRUE(torch::equal(rest[i].tensor, expected[i + 1].tensor)) << init << i;
      }
    }
  }
}

TEST(TrainColumns, AnyOtherWorkersGoOnFromACheckpoint) {
  const ModelOptions model = testing::mlp_options();
  Job job = column_job();
  job.train.optimizer = {.kind = "adam", .rate = 0.01};
  const std::string expected = train_by_column(job, model)[0].weights_sha256;
  for (const auto& [before, after] :
       std::vector<std::pair<int, int>>{{1, 3}, {3, 1}, {4, 2}, {2, 2}}) {
    const TemporaryFolder folder;
    RunOptions options;
    options.out = folder.path();
    std::atomic<bool> stop{true};  // after the first step
    options.stop = &stop;
    EXPECT_THROW(train_by_column(job, model, before, 1, options), Interrupted);
    options.stop = nullptr;
    options.resume = true;
    for (const RunSummary& summary : train_by_column(job, model, after, 1, options))
      EXPECT_EQ(summary.weights_sha256, expected) << before << " workers, then " << after;
  }
}

TEST(TrainColumns, ACheckpointOfSeveralWorkersHoldsTheWholeModel) {
  const TemporaryFolder folder;
  RunOptions options;
  options.out = folder.path();
  const RunSummary summary =
      train_by_column(column_job(), testing::mlp_options(), 3, 1, options)[0];
  const auto loaded = CheckpointStore(folder.path() / "checkpoints", 1).load_newest();
  ASSERT_TRUE(loaded);
  std::map<std::string, torch::Tensor> tensors(loaded->state.tensors.begin(),
                                               loaded->state.tensors.end());
  for (const auto& [name, tensor] : distinct_parameters(*summary.model))
    EXPECT_TRUE(torch::equal(tensors["parameter/" + name], tensor)) << name;
  EXPECT_EQ(tensors["optimizer0/0_linear.weight"].sizes(),
            tensors["parameter/0_linear.weight"].sizes());
}

TEST(TrainColumns, EachWorkerHasItsOwnColumnsOfTheFirstLayer) {
  const nlohmann::ordered_json workers =
      train_by_column(column_job(), testing::mlp_options(), 4)[0].json["workers"];
  std::int64_t features = 0;
  for (const auto& worker : workers) {
    features += worker["features"].get<std::int64_t>();
    EXPECT_EQ(worker["parts"], 2);
    // Weights and momentum.
    EXPECT_EQ(worker["first_layer_bytes"], worker["features"].get<std::int64_t>() * 32 * 4 * 2);
    EXPECT_GT(worker["bytes_sent_per_step"].get<double>(), 0);
  }
  EXPECT_EQ(features, column_features);
}

TEST(TrainColumns, StepsThatAreNotFiniteAreFoundAndLeftOut) {
  Job job = column_job();
  job.train.optimizer.rate = 1e30;
  job.train.clip.norm = 0;
  EXPECT_THROW(train_by_column(job, testing::mlp_options(), 2), NonFiniteError);
  job.train.on_nonfinite = "skip";
  const std::string expected = train_by_column(job, testing::mlp_options())[0].weights_sha256;
  EXPECT_EQ(train_by_column(job, testing::mlp_options(), 3)[0].weights_sha256, expected);
}

std::string column_error(const Job& job, const ModelOptions& model, int workers = 1) {
  try {
    train_by_column(job, model, workers);
  } catch (const InputError& error) {
    return error.what();
  }
  return "no error";
}

TEST(TrainColumns, RefusesWhatNeedsWholeSamples) {
  using ::testing::HasSubstr;
  Job job = column_job();
  job.strategy.kind = "local_sgd";
  EXPECT_THAT(column_error(job, testing::mlp_options()), HasSubstr("strategy.kind synchronous"));
  job = column_job();
  const ModelOptions model{
      .kind = "layers",
      .own = LayersOptions{{{"layer_norm"}, {"linear", LinearOptions{.units = 4}}}}};
  EXPECT_THAT(column_error(job, model), HasSubstr("first layer, which must be linear"));
  EXPECT_THROW(require_enough_parts(2, 3, 10), InputError);
  EXPECT_THROW(require_enough_parts(8, 3, 7), InputError);
  require_enough_parts(8, 8, 8);
}

TEST(TrainColumns, SumsOfPartsAreTheTrees) {
  for (const int workers : {1, 2, 3, 5, 7}) {
    std::vector<std::vector<torch::Tensor>> leaves(static_cast<std::size_t>(workers));
    std::vector<torch::Tensor> sums;
    std::vector<double> values;
    for (int w = 0; w < workers; ++w) {
      const ColumnPartition partition = partition_in(7, workers, w);
      const PartSums own(partition, host_compute());
      std::vector<torch::Tensor> parts;
      for (std::int64_t p = partition.own_parts().begin; p < partition.own_parts().end; ++p) {
        values.push_back(std::ldexp(1.0, static_cast<int>(p)));
        parts.push_back(torch::full({1}, values.back()));
      }
      for (const torch::Tensor& sum : own.add_own(parts)) sums.push_back(sum);
    }
    EXPECT_EQ(PartSums(partition_in(7, workers, 0), host_compute()).add_all(sums).item<double>(),
              tree_sum(values));
  }
}

}  // namespace train_columns_test
}  // namespace convoy
