// Strategies that change the result: compressed gradients, and steps of each worker's own. The same
// bits for any replicas and in every run with as many workers; what was learned is about the same.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <mutex>

#include "comm_support.hpp"
#include "convoy/core/error.hpp"
#include "convoy/strategies/model_exchange.hpp"
#include "train_support.hpp"

namespace convoy {
namespace train_strategies_test {

using ::testing::HasSubstr;
using testing::small_job;
using testing::TemporaryFolder;

const std::vector<std::string> compressors = {"fp16",  "bf16",     "int8",
                                              "top_k", "random_k", "power_sgd"};
const std::vector<std::string> averaging = {"local_sgd", "elastic_averaging", "gossip"};

ModelFactory mlp() {
  return build_model(testing::mlp_options(), testing::image_spec());
}

Job compressed_job(const std::string& kind) {
  Job job = small_job();
  job.strategy.compression = testing::compression(kind, 0.1);
  return job;
}

Job averaging_job(const std::string& kind, std::int64_t every = 3) {
  Job job = small_job();
  job.strategy = testing::averaging(kind, every);
  return job;
}

struct Result {
  std::vector<std::string> digests;  // by worker
  nlohmann::ordered_json summary;    // worker 0's
};

Result run(const Job& job, const ModelFactory& factory, int workers, int replicas = 1,
           RunOptions options = {}, std::vector<int> hosts = {}) {
  options.replicas = replicas;
  Result result;
  result.digests.resize(static_cast<std::size_t>(workers));
  testing::in_group(
      workers,
      [&](const std::shared_ptr<Communicator>& group) {
        RunOptions own = options;
        own.group = group;
        const RunSummary summary = testing::train(job, factory, own);
        result.digests[static_cast<std::size_t>(group->rank())] = summary.weights_sha256;
        if (group->rank() == 0) result.summary = summary.json;
      },
      std::chrono::seconds(20), std::move(hosts));
  return result;
}

// The digest of all workers, which must be one.
std::string digest(const Job& job, const ModelFactory& factory, int workers, int replicas = 1,
                   RunOptions options = {}) {
  const Result result = run(job, factory, workers, replicas, std::move(options));
  for (const std::string& one : result.digests) EXPECT_EQ(one, result.digests[0]);
  return result.digests[0];
}

double accuracy(const Result& result) {
  return result.summary["final"]["test_accuracy"];
}

TEST(TrainCompressed, TheSameBitsForAnyReplicasAndInEveryRun) {
  for (const std::string& kind : compressors) {
    const Job job = compressed_job(kind);
    for (const int workers : {2, 3}) {
      SCOPED_TRACE(kind + ", workers: " + std::to_string(workers));
      const std::string expected = digest(job, mlp(), workers);
      EXPECT_EQ(digest(job, mlp(), workers, 2), expected);
      EXPECT_EQ(digest(job, mlp(), workers), expected);
      EXPECT_NE(digest(small_job(), mlp(), workers), expected);
    }
  }
}

TEST(TrainCompressed, LearnsAsWellAndSendsLess) {
  Job plain = small_job();
  plain.train.epochs = 12;
  const Result whole = run(plain, mlp(), 2, 1, {}, {0, 1});
  const double bytes = whole.summary["workers"][0]["bytes_sent_per_step"];
  for (const std::string& kind : compressors) {
    SCOPED_TRACE(kind);
    Job job = compressed_job(kind);
    job.train.epochs = 12;
    if (kind == "power_sgd") job.strategy.compression.own = PowerSgdOptions{.rank = 2};
    // A part that waited for ten steps comes at once; momentum would repeat it ten times more.
    if (kind == "random_k") {
      job.train.optimizer.own.edit<SgdOptions>().momentum = 0;
      job.train.optimizer.rate = 0.3;
      job.strategy.compression = testing::compression(kind, 0.25);
    }
    const Result result = run(job, mlp(), 2);
    EXPECT_GE(accuracy(result), accuracy(whole) - 0.1);
    EXPECT_LT(result.summary["workers"][0]["bytes_sent_per_step"].get<double>(), 0.6 * bytes);
    const auto& told = result.summary["communication"]["compression"];
    EXPECT_EQ(told["kind"], kind);
    EXPECT_EQ(told["sent_bytes_per_step"], result.summary["workers"][0]["bytes_sent_per_step"]);
    EXPECT_LE(told["whole_bytes_per_step"].get<double>(),
              bytes);  // which has the small messages too
    EXPECT_GT(told["whole_bytes_per_step"].get<double>(), 0.8 * bytes);
    EXPECT_GT(told["coding_seconds_per_step"].get<double>(), 0);
  }
}

TEST(TrainCompressed, BatchNormAndMoreWorkersThanLanes) {
  Job job = compressed_job("int8");
  job.train.optimizer = {.kind = "adam", .rate = 0.003};
  job.train.last_batch = "drop";
  const ModelFactory cnn = build_model(testing::cnn_with_batch_norm(), testing::image_spec());
  EXPECT_EQ(digest(job, cnn, 3), digest(job, cnn, 3, 2));
  EXPECT_EQ(digest(job, mlp(), 10), digest(job, mlp(), 10));
}

TEST(TrainCompressed, AResumedRunIsTheSameWhatWasOwedIncluded) {
  for (const char* kind : {"int8", "top_k", "power_sgd"}) {
    for (const int workers : {2, 3}) {
      SCOPED_TRACE(kind);
      Job job = compressed_job(kind);
      const std::string expected = digest(job, mlp(), workers);
      const TemporaryFolder folder;
      RunOptions options;
      options.out = folder.path();
      Job shorter = job;
      shorter.train.steps = 4;
      digest(shorter, mlp(), workers, 1, options);
      options.resume = true;
      EXPECT_EQ(digest(job, mlp(), workers, 2, options), expected);
    }
  }
}

TEST(TrainCompressed, OtherWorkersGoOnWithoutWhatWasOwed) {
  Job job = compressed_job("top_k");
  const TemporaryFolder folder;
  RunOptions options;
  options.out = folder.path();
  Job shorter = job;
  shorter.train.steps = 4;
  digest(shorter, mlp(), 3, 1, options);
  options.resume = true;
  EXPECT_NO_THROW(digest(job, mlp(), 2, 1, options));
  job.strategy.compression.kind = "none";
  job.train.steps = 11;
  EXPECT_THROW(digest(job, mlp(), 2, 1, options), InputError);
}

TEST(TrainCompressed, StepsThatAreNotFiniteAreLeftOutByAll) {
  torch::Tensor features = torch::rand({101, 1, 8, 8});
  features[40][0][3][3] = std::numeric_limits<float>::quiet_NaN();
  const auto dataset =
      tensor_dataset(features, torch::zeros({101}, torch::kLong), testing::image_spec());
  for (const std::string& kind : compressors) {
    Job job = compressed_job(kind);
    job.train.on_nonfinite = "skip";
    std::vector<std::string> digests(3);
    testing::in_group(3, [&](const std::shared_ptr<Communicator>& group) {
      RunOptions options;
      options.group = group;
      const RunSummary result =
          testing::train(job, mlp(), options, {dataset, nullptr, testing::images(40, 5)});
      digests[static_cast<std::size_t>(group->rank())] = result.weights_sha256;
      if (group->rank() == 0) {
        EXPECT_EQ(result.json["skipped_steps"], 2) << kind;
      }
    });
    EXPECT_EQ(digests[0], digests[2]);
  }
}

TEST(TrainAveraging, TheSameBitsForAnyReplicasAndInEveryRun) {
  for (const std::string& kind : averaging) {
    for (const int workers : {2, 3, 4}) {
      SCOPED_TRACE(kind + ", workers: " + std::to_string(workers));
      const Job job = averaging_job(kind);
      const std::string expected = digest(job, mlp(), workers);
      EXPECT_EQ(digest(job, mlp(), workers, 2), expected);
      EXPECT_EQ(digest(job, mlp(), workers, 3), expected);
      EXPECT_NE(digest(averaging_job(kind, 4), mlp(), workers), expected);
    }
  }
}

TEST(TrainAveraging, OneWorkerTrainsPlainly) {
  const std::string expected = testing::train(small_job(), mlp()).weights_sha256;
  EXPECT_EQ(testing::train(averaging_job("local_sgd"), mlp()).weights_sha256, expected);
  EXPECT_EQ(testing::train(averaging_job("gossip"), mlp()).weights_sha256, expected);
  Job outer = averaging_job("local_sgd");
  outer.strategy.own.edit<LocalSgdOptions>().outer = {0.7, 0.9, true};
  EXPECT_NE(testing::train(outer, mlp()).weights_sha256, expected);
}

// After each step of plain SGD the mean of the workers' weights is that of a step with their mean
// gradient, which is the whole batch's where all have equal parts of it: but for rounding.
TEST(TrainAveraging, AveragingEveryStepIsNearlySynchronous) {
  Job job = averaging_job("local_sgd", 1);
  job.train.optimizer.own.edit<SgdOptions>().momentum = 0;
  job.train.last_batch = "drop";
  Job plain = job;
  plain.strategy.kind = "synchronous";
  const double loss = run(plain, mlp(), 2).summary["evaluation"]["test"]["loss"];
  EXPECT_NEAR(run(job, mlp(), 2).summary["evaluation"]["test"]["loss"].get<double>(), loss, 1e-4);
}

TEST(TrainAveraging, LearnsAsWellAndSendsLess) {
  Job plain = small_job();
  plain.train.epochs = 12;
  const Result whole = run(plain, mlp(), 4, 1, {}, {0, 1, 2, 3});
  const double bytes = whole.summary["workers"][0]["bytes_sent_per_step"];
  for (const std::string& kind : averaging) {
    for (const char* neighbours : {"ring", "random"}) {
      SCOPED_TRACE(kind + " " + neighbours);
      Job job = averaging_job(kind);
      job.train.epochs = 12;
      if (kind == "gossip") job.strategy.own.edit<GossipOptions>().neighbours = neighbours;
      job.train.optimizer.own.edit<SgdOptions>().momentum = 0.5;
      const Result result = run(job, mlp(), 4);
      EXPECT_GE(accuracy(result), accuracy(whole) - 0.1);
      EXPECT_LT(result.summary["workers"][0]["bytes_sent_per_step"].get<double>(), 0.5 * bytes);
    }
  }
}

TEST(TrainAveraging, OuterMomentumAndCompressedChanges) {
  Job job = averaging_job("local_sgd");
  job.train.epochs = 12;
  job.train.optimizer.own.edit<SgdOptions>().momentum = 0;
  job.strategy.own.edit<LocalSgdOptions>().outer = {0.7, 0.6, true};
  const Result whole = run(job, mlp(), 3);
  for (const std::string& kind : compressors) {
    SCOPED_TRACE(kind);
    job.strategy.compression = testing::compression(kind, 0.2);
    const Result result = run(job, mlp(), 3);
    EXPECT_EQ(digest(job, mlp(), 3, 2), result.digests[0]);
    EXPECT_GE(accuracy(result), accuracy(whole) - 0.15);
    EXPECT_LT(result.summary["workers"][1]["bytes_sent_per_step"],
              whole.summary["workers"][1]["bytes_sent_per_step"]);
  }
}

TEST(TrainAveraging, BatchNormStatisticsAreAveraged) {
  const ModelFactory cnn = build_model(testing::cnn_with_batch_norm(), testing::image_spec());
  for (const std::string& kind : averaging) {
    Job job = averaging_job(kind);
    job.train.last_batch = "drop";
    job.train.optimizer = {.kind = "adam", .rate = 0.003};
    SCOPED_TRACE(kind);
    EXPECT_EQ(digest(job, cnn, 3), digest(job, cnn, 3, 2));
  }
}

TEST(TrainAveraging, AResumedRunIsTheSame) {
  for (const std::string& kind : averaging) {
    for (const char* compression : {"none", "top_k"}) {
      if (kind != "local_sgd" && compression != std::string("none")) continue;
      SCOPED_TRACE(kind);
      Job job = averaging_job(kind);
      job.strategy.compression.kind = compression;
      if (kind == "local_sgd") job.strategy.own.edit<LocalSgdOptions>().outer = {0.8, 0.5, false};
      job.train.checkpoint.every = 1;
      job.train.checkpoint.keep = 20;
      const std::string expected = digest(job, mlp(), 3);
      const TemporaryFolder folder;
      RunOptions options;
      options.out = folder.path();
      digest(job, mlp(), 3, 1, options);
      for (const int step : {10, 9, 8, 7, 6}) {  // back to where step 5 ended, between exchanges
        std::filesystem::remove(folder.path() / "checkpoints" /
                                ("step-" + std::string(step < 10 ? "000000000" : "00000000") +
                                 std::to_string(step) + ".checkpoint"));
      }
      options.resume = true;
      EXPECT_EQ(digest(job, mlp(), 3, 2, options), expected);
      EXPECT_THROW(digest(job, mlp(), 2, 1, options), InputError);
    }
  }
}

TEST(TrainAveraging, OneWorkerIsResumedToo) {
  Job job = averaging_job("local_sgd");
  job.strategy.own.edit<LocalSgdOptions>().outer = {0.8, 0.5, false};
  job.train.checkpoint.every = 1;
  const std::string expected = testing::train(job, mlp()).weights_sha256;
  const TemporaryFolder folder;
  RunOptions options;
  options.out = folder.path();
  std::filesystem::create_directories(folder.path());
  testing::train(job, mlp(), options);
  for (const char* step : {"10", "09"})
    std::filesystem::remove(folder.path() / "checkpoints" /
                            ("step-00000000" + std::string(step) + ".checkpoint"));
  options.resume = true;
  EXPECT_EQ(testing::train(job, mlp(), options).weights_sha256, expected);
}

TEST(TrainAveraging, OneWorkerAskedToStopStopsAllAfterTheSameStep) {
  for (const std::string& kind : averaging) {
    SCOPED_TRACE(kind);
    const TemporaryFolder folder;
    std::atomic<bool> stop{true};
    std::mutex mutex;
    std::vector<std::string> told;
    Job job = averaging_job(kind, 2);
    job.train.epochs = 4;
    testing::in_group(3, [&](const std::shared_ptr<Communicator>& group) {
      RunOptions options;
      options.group = group;
      options.out = folder.path();
      if (group->rank() == 2) options.stop = &stop;
      try {
        testing::train(job, mlp(), options);
        ADD_FAILURE() << "went on";
      } catch (const Interrupted& error) {
        const std::lock_guard lock(mutex);
        told.emplace_back(error.what());
      }
    });
    ASSERT_EQ(told.size(), 3u);
    EXPECT_EQ(told[0], told[1]);
    EXPECT_EQ(told[0], told[2]);
    RunOptions options;
    options.out = folder.path();
    options.resume = true;
    EXPECT_EQ(digest(job, mlp(), 3, 1, options), digest(job, mlp(), 3));
  }
}

TEST(TrainAveraging, ALaneThatIsNotFiniteEndsAllAtTheNextExchange) {
  torch::Tensor features = torch::rand({101, 1, 8, 8});
  features[40][0][3][3] = std::numeric_limits<float>::quiet_NaN();
  const auto dataset =
      tensor_dataset(features, torch::zeros({101}, torch::kLong), testing::image_spec());
  for (const std::string& kind : averaging) {
    SCOPED_TRACE(kind);
    std::atomic<int> failed = 0;
    testing::in_group(3, [&](const std::shared_ptr<Communicator>& group) {
      RunOptions options;
      options.group = group;
      try {
        testing::train(averaging_job(kind, 1), mlp(), options, {dataset, nullptr, nullptr});
      } catch (const NonFiniteError& error) {
        EXPECT_THAT(error.what(), HasSubstr("sample 40"));
        ++failed;
      }
    });
    EXPECT_EQ(failed, 3);
    Job skipping = averaging_job(kind);
    skipping.train.on_nonfinite = "skip";
    testing::in_group(3, [&](const std::shared_ptr<Communicator>& group) {
      RunOptions options;
      options.group = group;
      const RunSummary result =
          testing::train(skipping, mlp(), options, {dataset, nullptr, nullptr});
      if (group->rank() != 0) return;
      int skipped = 0;
      for (const auto& worker : result.json["workers"])
        skipped += worker["skipped_steps"].get<int>();
      EXPECT_EQ(skipped, 2);
    });
  }
}

TEST(TrainAveraging, EveryWorkerNeedsALane) {
  for (const std::string& kind : averaging) {
    testing::in_group(9, [&](const std::shared_ptr<Communicator>& group) {
      RunOptions options;
      options.group = group;
      EXPECT_THROW(testing::train(averaging_job(kind), mlp(), options), InputError);
    });
  }
}

TEST(TrainAveraging, GossipPairsAreAMatching) {
  for (const char* neighbours : {"ring", "random"}) {
    for (int size = 1; size < 10; ++size) {
      for (std::int64_t number = 0; number < 20; ++number) {
        int alone = 0;
        for (int rank = 0; rank < size; ++rank) {
          const int peer = gossip_partner(neighbours, 5, number, rank, size);
          alone += peer < 0;
          if (peer < 0) continue;
          ASSERT_LT(peer, size);
          ASSERT_NE(peer, rank);
          ASSERT_EQ(gossip_partner(neighbours, 5, number, peer, size), rank);
        }
        ASSERT_EQ(alone, size % 2) << neighbours << " " << size << " " << number;
        if (size > 1) {
          ASSERT_LT(gossip_spread(neighbours, 5, number, 0, size), number + 40);
        }
      }
    }
  }
}

}  // namespace train_strategies_test
}  // namespace convoy
