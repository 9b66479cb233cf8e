// Training partitioned by value: the same bits whoever does the work, and every sample counted in
// the weights.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

#include "comm_support.hpp"
#include "convoy/core/error.hpp"
#include "data/partition/schedule.hpp"
#include "data/partition/values.hpp"
#include "elastic_support.hpp"
#include "train_support.hpp"

namespace convoy {
namespace train_partition_test {

using testing::Elastic;
using testing::image_spec;
using testing::images;
using testing::Killed;
using testing::small_job;
using testing::TemporaryFolder;

const std::vector<std::string> value_assignments = {"stratified", "hash", "range"};

Job partitioned_job(const std::string& assign) {
  Job job = small_job();
  if (assign == "block" || assign == "cyclic")
    job.partition = {.by = "row", .own = ByRow{.assign = assign}};
  else
    job.partition = {.by = "value", .own = ByValue{.assign = assign}};
  return job;
}

std::string assignment_of(const Job& job) {
  return job.partition.by == "row" ? job.partition.own.as<ByRow>().assign
                                   : job.partition.own.as<ByValue>().assign;
}

Column column_of(std::vector<double> numbers) {
  Column column;
  column.name = std::string("v");
  column.numbers = std::move(numbers);
  return column;
}

// Images with their labels as values.
TrainingData labelled_images() {
  TrainingData data{images(), nullptr, images(40, 5)};
  std::vector<std::int64_t> all(static_cast<std::size_t>(data.train->size()));
  std::iota(all.begin(), all.end(), 0);
  const torch::Tensor target = data.train->read(all).target.to(torch::kDouble).contiguous();
  const double* const labels = target.data_ptr<double>();
  data.values = column_of({labels, labels + target.numel()});
  return data;
}

ModelFactory small_mlp() {
  return build_model(testing::mlp_options(), image_spec());
}

// Of all workers of a group, or of one that is alone.
std::vector<RunSummary> run_group(const Job& job, const ModelFactory& factory,
                                  const TrainingData& data, int workers, int replicas,
                                  RunOptions options = {}) {
  options.replicas = replicas;
  std::vector<RunSummary> all(static_cast<std::size_t>(workers));
  if (workers == 1) {
    all[0] = testing::train(job, factory, options, data);
    return all;
  }
  testing::in_group(workers, [&](const std::shared_ptr<Communicator>& group) {
    RunOptions own = options;
    own.group = group;
    all[static_cast<std::size_t>(group->rank())] = testing::train(job, factory, own, data);
  });
  return all;
}

void expect_same_bits_for_all(const Job& job, const ModelFactory& factory,
                              const TrainingData& data) {
  const std::string expected = testing::train(job, factory, {}, data).weights_sha256;
  for (const auto& [workers, replicas] :
       std::vector<std::pair<int, int>>{{1, 2}, {1, 3}, {2, 1}, {2, 2}, {3, 1}}) {
    for (const RunSummary& summary : run_group(job, factory, data, workers, replicas))
      EXPECT_EQ(summary.weights_sha256, expected)
          << assignment_of(job) << ", " << workers << " workers of " << replicas;
  }
  Job served = job;
  served.strategy = {.kind = "parameter_server", .own = ParameterServerOptions{.servers = 2}};
  EXPECT_EQ(run_group(served, factory, data, 1, 3)[0].weights_sha256, expected)
      << assignment_of(job) << ", parameter servers";
}

TEST(TrainPartition, TheBitsAreTheSameForAnyWorkersReplicasAndServers) {
  std::set<std::string> results;
  for (const std::string& assign : value_assignments) {
    const Job job = partitioned_job(assign);
    expect_same_bits_for_all(job, small_mlp(), labelled_images());
    results.insert(testing::train(job, small_mlp(), {}, labelled_images()).weights_sha256);
  }
  EXPECT_EQ(results.size(), 3u);
}

TEST(TrainPartition, SequentialAndDroppedToo) {
  for (const std::string& assign : value_assignments) {
    Job job = partitioned_job(assign);
    job.partition.order = "sequential";
    job.train.last_batch = "drop";
    job.strategy.bucket = "0.01";
    expect_same_bits_for_all(job, small_mlp(), labelled_images());
  }
}

std::unique_ptr<const SampleSchedule> schedule_of(const Job& job, const Column& values) {
  const auto samples = static_cast<std::int64_t>(values.numbers.size());
  return make_schedule(job.partition, job.train, job.seed, samples,
                       sample_values(values, job.seed, true));
}

// Lanes without any sample: batch norm's counters are those of the first that has some.
TEST(TrainPartition, BatchNormWithEmptyLanes) {
  const TrainingData data = labelled_images();
  const ModelFactory factory = build_model(testing::cnn_with_batch_norm(), image_spec());
  Job job = partitioned_job("hash");
  while (schedule_of(job, data.values)->first_lane(0) < 3) ++job.seed;  // worker 0 has none
  expect_same_bits_for_all(job, factory, data);
  const RunSummary summary = run_group(job, factory, data, 3, 1)[0];
  int counters = 0;
  for (const auto& buffer : summary.model->named_buffers()) {
    if (buffer.key().find("num_batches_tracked") == std::string::npos) continue;
    EXPECT_EQ(buffer.value().item<std::int64_t>(), 10);
    ++counters;
  }
  EXPECT_EQ(counters, 2);
}

TEST(TrainPartition, ACheckpointIsContinuedByOtherWorkersInMidEpoch) {
  for (const std::string& assign : value_assignments) {
    Job job = partitioned_job(assign);
    job.train.checkpoint.every = 3;
    const TrainingData data = labelled_images();
    const std::string expected = testing::train(job, small_mlp(), {}, data).weights_sha256;
    const TemporaryFolder folder;
    RunOptions options;
    options.out = folder.path();
    const auto part = [&](std::int64_t steps, int workers, int replicas) {
      Job shorter = job;
      shorter.train.steps = steps;
      options.resume = steps > 3;
      return run_group(shorter, small_mlp(), data, workers, replicas, options)[0].weights_sha256;
    };
    part(3, 3, 1);
    part(6, 1, 2);
    EXPECT_EQ(part(10, 2, 1), expected) << assign;
  }
}

TEST(TrainPartition, ACheckpointOfOtherValuesIsNotContinued) {
  const Job job = partitioned_job("stratified");
  TrainingData data = labelled_images();
  const TemporaryFolder folder;
  RunOptions options;
  options.out = folder.path();
  testing::train(job, small_mlp(), options, data);
  options.resume = true;
  data.values.numbers[7] += 1;
  try {
    testing::train(job, small_mlp(), options, data);
    FAIL();
  } catch (const InputError& error) {
    EXPECT_THAT(error.what(), ::testing::HasSubstr("the values that samples are partitioned by"));
  }
}

TEST(TrainPartition, WithoutValuesItSaysWhatIsMissing) {
  TrainingData data = labelled_images();
  data.values = {};
  EXPECT_THROW(testing::train(partitioned_job("hash"), small_mlp(), {}, data), InputError);
}

// Sample i is the i-th unit vector, its target 1: weight i is moved by the visits of sample i
// alone, each time by the part 2 rate / batch of what is left to 1. So the weights count visits.
constexpr std::int64_t counted = 101;
constexpr double counting_rate = 3;

struct Counter : torch::nn::Module {
  Counter() { visits = register_parameter("visits", torch::zeros({counted})); }
  torch::Tensor forward(torch::Tensor x) { return x.matmul(visits).unsqueeze(1); }
  torch::Tensor visits;
};

// Values of which some have many samples, and some one.
TrainingData counted_data() {
  TrainingData data;
  data.train = tensor_dataset(torch::eye(counted), torch::ones({counted, 1}),
                              {{counted}, Task::regression, 1, {}, {}});
  std::vector<double> values;
  for (std::int64_t i = 0; i < counted; ++i)
    values.push_back(static_cast<double>(i % 3 == 0 ? 1 : i % 7 == 0 ? i : 2 + i % 5));
  data.values = column_of(std::move(values));
  return data;
}

Job counting_job(const std::string& assign) {
  Job job = partitioned_job(assign);
  job.train.optimizer.own.edit<SgdOptions>().momentum = 0;
  job.train.optimizer.rate = counting_rate;
  job.strategy.balance = true;
  return job;
}

// Every sample has been visited once in every epoch (or, by row, never where it was dropped).
void expect_counted(const Job& job, const torch::nn::Module& model) {
  const auto made = schedule_of(job, counted_data().values);
  const SampleSchedule& schedule = *made;
  std::vector<double> left(counted, 1);
  std::vector<int> times(counted, 0);
  const std::int64_t steps = job.train.steps > 0 ? job.train.steps : 2 * schedule.steps_per_epoch();
  for (std::int64_t step = 0; step < steps; ++step) {
    for (std::int64_t lane = 0; lane < job.train.lanes; ++lane) {
      for (const std::int64_t sample : schedule.lane_samples(step, lane)) {
        left[static_cast<std::size_t>(sample)] *=
            1 - 2 * counting_rate / static_cast<double>(schedule.batch_size(step));
        ++times[static_cast<std::size_t>(sample)];
      }
    }
  }
  const bool whole = job.partition.by == "value" || job.train.last_batch == "keep";
  const torch::Tensor visits = model.named_parameters()["visits"].detach().contiguous();
  for (std::size_t i = 0; i < left.size(); ++i) {
    if (whole && job.train.steps == 0) {
      EXPECT_EQ(times[i], 2) << "sample " << i;
    }
    EXPECT_NEAR(visits.data_ptr<float>()[i], 1 - left[i], 1e-4) << "sample " << i;
  }
}

const std::vector<std::string> all_assignments = {"block", "cyclic", "stratified", "hash", "range"};

TEST(TrainPartition, EverySampleCountsOnceAnEpochForAnyLanesReplicasAndWorkers) {
  for (const std::string& assign : all_assignments) {
    for (const std::string last_batch : {"keep", "drop"}) {
      for (const std::int64_t lanes : {1, 3, 8}) {
        SCOPED_TRACE(assign + ", " + last_batch + ", lanes " + std::to_string(lanes));
        Job job = counting_job(assign);
        job.train.last_batch = last_batch;
        job.train.lanes = lanes;
        const ModelFactory factory = model_factory<Counter>();
        for (const auto& [workers, replicas] : std::vector<std::pair<int, int>>{{1, 3}, {3, 2}})
          expect_counted(job, *run_group(job, factory, counted_data(), workers, replicas)[0].model);
      }
    }
  }
}

TEST(TrainPartition, EverySampleCountsOnceAnEpochWithParameterServers) {
  for (const std::string& assign : all_assignments) {
    for (const std::string consistency : {"bsp", "ssp", "async"}) {
      SCOPED_TRACE(assign + ", " + consistency);
      Job job = counting_job(assign);
      job.strategy = {.kind = "parameter_server",
                      .own = ParameterServerOptions{.consistency = consistency, .staleness = 2}};
      const RunSummary summary = run_group(job, model_factory<Counter>(), counted_data(), 1, 3)[0];
      // With delays a sample's second visit may not have seen the first: its steps are alone exact.
      if (consistency == "bsp") expect_counted(job, *summary.model);
      job.train.epochs = 1;
      job.train.steps = 0;
      const RunSummary once = run_group(job, model_factory<Counter>(), counted_data(), 1, 3)[0];
      Job of_one_epoch = job;
      of_one_epoch.train.steps = schedule_of(job, counted_data().values)->steps_per_epoch();
      expect_counted(of_one_epoch, *once.model);
    }
  }
}

// In mid-epoch one falls silent and another joins: no committed sample is lost or doubled.
TEST(TrainPartition, EverySampleCountsOnceAlthoughWorkersAreLostAndJoin) {
  for (const std::string& assign : all_assignments) {
    SCOPED_TRACE(assign);
    Elastic elastic(2);
    elastic.job = counting_job(assign);
    elastic.data = counted_data();
    elastic.factory = model_factory<Counter>();
    std::atomic<bool> lost{false};
    elastic.start(0);
    elastic.start(1);
    elastic.start(2, [&](int reads) {
      if (reads <= 10) return;
      lost = true;
      throw Killed();
    });
    while (!lost) std::this_thread::sleep_for(std::chrono::milliseconds(1));
    elastic.start(3);
    elastic.wait();
    ASSERT_NE(elastic.model(0), nullptr);
    expect_counted(elastic.job, *elastic.model(0));
    EXPECT_EQ(elastic.events("lost").size(), 1u);
    EXPECT_EQ(elastic.digests().at(0), elastic.digests().at(1));
  }
}

// Steps that are run again have the bits that they would have had.
TEST(TrainPartition, AnElasticJobEndsWithTheBitsOfOneInWhichNothingFailed) {
  for (const std::string& assign : value_assignments) {
    Elastic elastic(2);
    elastic.job = partitioned_job(assign);
    elastic.data = labelled_images();
    elastic.start(0, [](int reads) {
      if (reads > 8) throw Killed();
    });
    elastic.start(1);
    elastic.start(2);
    elastic.wait();
    const std::string expected =
        testing::train(elastic.job, small_mlp(), {}, labelled_images()).weights_sha256;
    EXPECT_EQ(elastic.digests(), (std::map<int, std::string>{{1, expected}, {2, expected}}))
        << assign;
  }
}

// Remembers which samples were read.
class Remembering final : public Dataset {
 public:
  explicit Remembering(std::shared_ptr<const Dataset> data) : data_(std::move(data)) {}
  std::int64_t size() const override { return data_->size(); }
  const DataSpec& spec() const override { return data_->spec(); }
  Batch read(std::span<const std::int64_t> samples) const override {
    const std::lock_guard lock(mutex_);
    seen_.insert(samples.begin(), samples.end());
    return data_->read(samples);
  }
  const std::multiset<std::int64_t>& seen() const { return seen_; }

 private:
  std::shared_ptr<const Dataset> data_;
  mutable std::mutex mutex_;
  mutable std::multiset<std::int64_t> seen_;
};

// Workers that take steps of their own own their lanes: with hash each has values of its own.
TEST(TrainPartition, WithStepsOfItsOwnEachWorkerHasItsOwnValues) {
  for (const std::string kind : {"local_sgd", "elastic_averaging", "gossip"}) {
    Job job = partitioned_job("hash");
    job.strategy = testing::averaging(kind, 2);
    const TrainingData data = labelled_images();
    std::vector<std::shared_ptr<Remembering>> read;
    for (int worker = 0; worker < 2; ++worker)
      read.push_back(std::make_shared<Remembering>(data.train));
    std::vector<std::string> digests(2);
    testing::in_group(2, [&](const std::shared_ptr<Communicator>& group) {
      RunOptions options;
      options.group = group;
      TrainingData own = data;
      const auto worker = static_cast<std::size_t>(group->rank());
      own.train = read[worker];
      digests[worker] = testing::train(job, small_mlp(), options, own).weights_sha256;
    });
    EXPECT_EQ(digests[0], digests[1]) << kind;
    std::array<std::set<double>, 2> values;
    std::size_t samples = 0;
    for (std::size_t worker = 0; worker < 2; ++worker) {
      for (const std::int64_t sample : read[worker]->seen()) {
        EXPECT_EQ(read[worker]->seen().count(sample), 2u) << kind << ": once an epoch";
        values[worker].insert(data.values.numbers[static_cast<std::size_t>(sample)]);
      }
      samples += read[worker]->seen().size();
    }
    EXPECT_EQ(samples, 2 * data.values.numbers.size()) << kind;
    for (const double value : values[0]) EXPECT_FALSE(values[1].contains(value)) << kind;
  }
}

}  // namespace train_partition_test
}  // namespace convoy
