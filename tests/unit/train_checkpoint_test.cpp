// Checkpoints of a run, written while it goes on.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "convoy/core/error.hpp"
#include "core/fault.hpp"
#include "unit/train_support.hpp"

namespace convoy {
namespace train_checkpoint_test {

namespace fs = std::filesystem;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using testing::images;
using testing::NoisyNet;
using testing::small_job;
using testing::TemporaryFolder;
using testing::train;
using Json = nlohmann::ordered_json;

struct Events : Observer {
  void on_event(const Json& event) override {
    if (event["event"] == "step" && event["step"] == stop_at) stop = true;
    all.push_back(event);
  }
  std::vector<Json> of(const std::string& kind) const {
    std::vector<Json> found;
    for (const Json& event : all) {
      if (event["event"] == kind) found.push_back(event);
    }
    return found;
  }
  std::vector<std::int64_t> steps_of(const std::string& kind) const {
    std::vector<std::int64_t> steps;
    for (const Json& event : of(kind)) steps.push_back(event["step"]);
    return steps;
  }
  std::vector<Json> all;
  std::int64_t stop_at = -1;
  std::atomic<bool> stop{false};
};

// 10 steps; every checkpoint is kept, so that none is superseded by a newer one.
Job job_with_checkpoints() {
  Job job = small_job();
  job.train.checkpoint.every = 3;
  job.train.checkpoint.keep = 1;
  job.train.checkpoint.keep_every = 3;
  return job;
}

const ModelFactory factory = model_factory<NoisyNet>();

TEST(TrainCheckpoint, IsLoggedWithWhatItCost) {
  const TemporaryFolder folder;
  Events events;
  train(job_with_checkpoints(), factory,
        {.replicas = 2, .out = folder.path(), .observers = {&events}});
  EXPECT_THAT(events.steps_of("checkpoint"), ElementsAre(3, 6, 9, 10));
  for (const Json& event : events.of("checkpoint")) {
    const fs::path path = folder.path() / event["path"].get<std::string>();
    EXPECT_EQ(CheckpointStore::load(path).step, event["step"]);
    EXPECT_EQ(fs::file_size(path), event["bytes"]);
    EXPECT_GT(event["stall_seconds"], 0);
    EXPECT_GT(event["seconds"], 0);
  }
  EXPECT_EQ(events.all.back()["event"], "done");
}

TEST(TrainCheckpoint, ThatFailsDoesNotStopTheRun) {
  const TemporaryFolder folder;
  Events events;
  const ScopedFaults faults("write:enospc,path=step-0000000003");
  const auto run = train(job_with_checkpoints(), factory,
                         {.replicas = 2, .out = folder.path(), .observers = {&events}});
  EXPECT_EQ(faults.struck(), 1);
  EXPECT_EQ(run.weights_sha256, train(job_with_checkpoints(), factory).weights_sha256);
  EXPECT_THAT(events.steps_of("checkpoint"), ElementsAre(6, 9, 10));
  ASSERT_THAT(events.steps_of("checkpoint_failed"), ElementsAre(3));
  EXPECT_THAT(events.of("checkpoint_failed")[0]["reason"].get<std::string>(),
              HasSubstr("step-0000000003.checkpoint: cannot write: No space left on device"));
}

TEST(TrainCheckpoint, OfTheEndMustNotFail) {
  const TemporaryFolder folder;
  Events events;
  {
    const ScopedFaults faults("rename:enospc,path=step-0000000010");
    EXPECT_THROW(
        train(job_with_checkpoints(), factory, {.out = folder.path(), .observers = {&events}}),
        IoError);
  }
  EXPECT_THAT(events.steps_of("checkpoint"), ElementsAre(3, 6, 9));
  EXPECT_FALSE(fs::exists(folder.path() / "summary.json"));
  const auto resumed =
      train(job_with_checkpoints(), factory, {.out = folder.path(), .resume = true});
  EXPECT_EQ(resumed.weights_sha256, train(job_with_checkpoints(), factory).weights_sha256);
}

TEST(TrainCheckpoint, OfARunThatIsStoppedMustNotFail) {
  const TemporaryFolder folder;
  Events events;
  events.stop_at = 7;
  const RunOptions options{.out = folder.path(), .observers = {&events}, .stop = &events.stop};
  const ScopedFaults faults("sync:eio,path=step-0000000007");
  EXPECT_THROW(train(job_with_checkpoints(), factory, options), IoError);
  EXPECT_EQ(CheckpointStore(folder.path() / "checkpoints", 1).load_newest()->state.step, 6);
}

TEST(TrainCheckpoint, KeepsThoseOfEveryNthStep) {
  const TemporaryFolder folder;
  Job job = small_job();
  job.train.checkpoint.every = 1;
  job.train.checkpoint.keep = 1;
  job.train.checkpoint.keep_every = 4;
  job.evaluate.every = 0;
  train(job, factory, {.out = folder.path()});
  const CheckpointStore store(folder.path() / "checkpoints", 1);
  std::vector<std::int64_t> steps;
  for (const fs::path& path : store.list()) steps.push_back(CheckpointStore::load(path).step);
  EXPECT_THAT(steps, ElementsAre(10, 8, 4));
  EXPECT_EQ(store.load_newest(9)->state.step, 8);
  EXPECT_EQ(store.load_newest(4)->state.step, 4);
  EXPECT_FALSE(store.load_newest(3));
}

}  // namespace train_checkpoint_test
}  // namespace convoy
