// How fast batches come: the loader of a job alone, without a model. Prints its speed as JSON;
// bench/torch_loader.py does the same with PyTorch's DataLoader, bench/loader runs both.
#include <CLI/CLI.hpp>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <nlohmann/json.hpp>
#include <thread>

#include "convoy/core/error.hpp"
#include "convoy/data/load.hpp"
#include "convoy/data/prefetch.hpp"
#include "convoy/job/job.hpp"
#include "convoy/train/trainer.hpp"
#include "train/replica.hpp"

namespace {

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point begin) {
  return std::chrono::duration<double>(Clock::now() - begin).count();
}

/// One epoch as replicas read it: each its lanes, ahead on a thread of its own. What is read is
/// looked at, so that it has to be there.
double read_epoch(const convoy::ReplicaShared& shared, std::int64_t epoch, int replicas) {
  std::atomic<std::int64_t> samples = 0;
  std::atomic<double> sum = 0;
  const std::int64_t steps = shared.schedule->steps_per_epoch();
  const auto begin = Clock::now();
  {
    std::vector<std::jthread> threads;
    for (int r = 0; r < replicas; ++r) {
      threads.emplace_back([&, r] {
        std::int64_t step = epoch * steps;
        std::int64_t lane = r;
        convoy::Prefetcher prefetcher(
            [&, step, lane]() mutable -> std::optional<convoy::Batch> {
              if (step >= (epoch + 1) * steps) return std::nullopt;
              convoy::Batch batch = shared.read_lane(step, lane);
              if ((lane += replicas) >= shared.lanes) {
                lane = r;
                ++step;
              }
              return batch;
            },
            8);
        for (; step < (epoch + 1) * steps; ++step) {
          for (lane = r; lane < shared.lanes; lane += replicas) {
            const convoy::Batch batch = prefetcher.next();
            samples += batch.size();
            if (batch.size() > 0) sum = sum + batch.features.data_ptr<float>()[0];
          }
        }
      });
    }
  }
  return static_cast<double>(samples) / seconds_since(begin);
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
  const convoy::Splits splits =
      convoy::load_splits(job.data, job.preprocess, job.seed, job.directory);
  const double loading = seconds_since(begin);
  const std::int64_t lanes = convoy::resolved_lanes(job.train, splits.train->size());
  const convoy::SampleSchedule schedule({.samples = splits.train->size(),
                                         .batch = job.train.batch,
                                         .lanes = lanes,
                                         .seed = job.seed});
  convoy::ReplicaShared shared;
  shared.dataset = splits.train;
  shared.schedule = &schedule;
  shared.lanes = lanes;
  shared.seed = job.seed;
  shared.augmentation =
      std::make_shared<convoy::Augmentation>(job.augment, splits.train->spec().feature_shape);
  nlohmann::json result{{"samples", splits.train->size()}, {"load_seconds", loading}};
  for (int epoch = 0; epoch < epochs; ++epoch)
    result["samples_per_second"].push_back(read_epoch(shared, epoch, replicas));
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
