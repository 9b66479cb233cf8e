// How fast batches come: the loader of a job alone, without a model. Prints its speed as JSON;
// bench/torch_loader.py does the same with PyTorch's DataLoader, bench/loader runs both.
#include <CLI/CLI.hpp>
#include <atomic>
#include <barrier>
#include <chrono>
#include <cstdio>
#include <nlohmann/json.hpp>
#include <thread>

#include "convoy/core/error.hpp"
#include "convoy/data/load.hpp"
#include "convoy/data/partition/partitioner.hpp"
#include "convoy/job/job.hpp"
#include "convoy/lanes/lane.hpp"
#include "convoy/train/trainer.hpp"
#include "engine/replica.hpp"
#include "lanes/epoch_schedule.hpp"

namespace {

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point begin) {
  return std::chrono::duration<double>(Clock::now() - begin).count();
}

/// Epochs as replicas read them in training: each its lanes, the next ones ahead. What is read is
/// looked at, so that it has to be there. Samples per second of each epoch.
std::vector<double> read_epochs(const convoy::ReplicaShared& shared, std::int64_t samples,
                                int epochs, int replicas) {
  std::vector<double> speeds;
  auto begin = Clock::now();
  std::barrier epoch_ends(replicas, [&]() noexcept {
    speeds.push_back(static_cast<double>(samples) / seconds_since(begin));
    begin = Clock::now();
  });
  const std::int64_t steps = shared.schedule->steps_per_epoch();
  std::atomic<double> sum = 0;
  {
    std::vector<std::jthread> threads;
    for (int r = 0; r < replicas; ++r) {
      threads.emplace_back([&, r] {
        const convoy::Range lanes = convoy::even_part(shared.lanes, replicas, r);
        const auto prefetcher = read_lanes_ahead(shared, lanes, 0, epochs * steps);
        double own = 0;
        for (int epoch = 0; epoch < epochs; ++epoch) {
          for (std::int64_t batch = 0; batch < steps * lanes.size(); ++batch) {
            const convoy::Batch read = prefetcher->next();
            if (read.size() > 0) own += read.features.data_ptr<float>()[0];
          }
          epoch_ends.arrive_and_wait();
        }
        sum = sum + own;
      });
    }
  }
  return speeds;
}

int run(int count, char** arguments) {
  CLI::App app("The loader of a job: samples per second");
  std::string file;
  std::vector<std::string> overrides;
  int replicas = 2;
  int epochs = 3;
  app.add_option("job", file)->required();
  app.add_option("--set", overrides);
  app.add_option("--replicas", replicas);
  app.add_option("--epochs", epochs);
  CLI11_PARSE(app, count, arguments);

  const convoy::Job job = convoy::load_job(file, overrides);
  const auto begin = Clock::now();
  const convoy::Splits splits = convoy::load_splits(convoy::load_options(job));
  const double loading = seconds_since(begin);
  const std::int64_t lanes = convoy::resolved_lanes(job.train, splits.train->size());
  convoy::PartitionOptions partition = job.partition;
  convoy::read_in_blocks(partition, splits.block);
  const convoy::EpochSchedule schedule({.samples = splits.train->size(),
                                        .batch = job.train.batch,
                                        .lanes = lanes,
                                        .seed = job.seed,
                                        .block = partition.own.as<convoy::ByRow>().block});
  convoy::ReplicaShared shared;
  shared.dataset = splits.train;
  shared.ahead = std::dynamic_pointer_cast<const convoy::ReadsAhead>(splits.train);
  shared.schedule = &schedule;
  shared.lanes = lanes;
  shared.seed = job.seed;
  shared.augmentation =
      std::make_shared<convoy::Augmentation>(job.augment, splits.train->spec().feature_shape);
  nlohmann::json result{{"samples", splits.train->size()}, {"load_seconds", loading}};
  result["samples_per_second"] = read_epochs(shared, splits.train->size(), epochs, replicas);
  std::puts(result.dump().c_str());
  return 0;
}

}  // namespace

int main(int count, char** arguments) {
  try {
    return run(count, arguments);
  } catch (const convoy::Error& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 1;
  }
}
