#include <fcntl.h>
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <thread>

#include "convoy/checkpoint/writer.hpp"
#include "convoy/core/error.hpp"
#include "core/descriptor.hpp"
#include "core/fault.hpp"
#include "core/temporary_folder.hpp"

namespace convoy {
namespace checkpoint_writer_test {

namespace fs = std::filesystem;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

// Too large for a pipe.
CheckpointState state_of(std::int64_t step, std::optional<double> accuracy = std::nullopt) {
  CheckpointState state;
  state.step = step;
  state.tensors = {{"w", torch::zeros({50000}).fill_(static_cast<double>(step))}};
  if (accuracy) {
    state.meta["best_metric"] = {
        {"name", "accuracy"}, {"value", *accuracy}, {"higher_is_better", true}};
  }
  return state;
}

// Holds the write of a step up: what it is written to is a pipe, which is no place for it either.
class HeldUp {
 public:
  HeldUp(const fs::path& folder, std::int64_t step)
      : pipe_(folder / fmt::format("step-{:010}.checkpoint.tmp-{}", step, ::getpid())) {
    if (::mkfifo(pipe_.c_str(), 0600) != 0) throw IoError("mkfifo");
  }
  ~HeldUp() {
    if (reader_.joinable()) reader_.join();
  }
  // Until it has begun.
  void wait() { fd_ = ::open(pipe_.c_str(), O_RDONLY | O_CLOEXEC); }
  void let_go() {
    const Descriptor fd(fd_);
    char bytes[4096];
    while (::read(fd.get(), bytes, sizeof bytes) > 0) {
    }
  }
  void let_go_meanwhile() {
    reader_ = std::thread([this] { let_go(); });
  }

 private:
  fs::path pipe_;
  int fd_ = -1;
  std::thread reader_;
};

std::vector<std::int64_t> steps_of(const std::vector<WrittenCheckpoint>& results) {
  std::vector<std::int64_t> steps;
  for (const WrittenCheckpoint& result : results) steps.push_back(result.step);
  return steps;
}

TEST(CheckpointWriter, TellsWhatItWrote) {
  const TemporaryFolder folder;
  CheckpointWriter writer(CheckpointStore(folder.path(), 5));
  EXPECT_THAT(writer.take_finished(), IsEmpty());
  writer.submit(state_of(1, 0.5));
  writer.wait();
  writer.submit(state_of(2, 0.4));
  writer.wait();
  const auto results = writer.take_finished();
  EXPECT_THAT(steps_of(results), ElementsAre(1, 2));
  EXPECT_THAT(writer.take_finished(), IsEmpty());
  EXPECT_EQ(results[0].path, folder.path() / "step-0000000001.checkpoint");
  EXPECT_EQ(results[0].bytes, fs::file_size(results[0].path));
  EXPECT_EQ(results[0].error, "");
  EXPECT_TRUE(results[0].best);
  EXPECT_FALSE(results[1].best);
  EXPECT_GT(results[1].seconds, 0);
  EXPECT_EQ(CheckpointStore::load(results[1].path).step, 2);
}

TEST(CheckpointWriter, CountsTheStallFromWhenTheCopyBegan) {
  const TemporaryFolder folder;
  CheckpointWriter writer(CheckpointStore(folder.path(), 5));
  writer.submit(state_of(1), CheckpointWriter::Clock::now() - std::chrono::seconds(2));
  writer.wait();
  EXPECT_GE(writer.take_finished().at(0).stall_seconds, 2);
}

TEST(CheckpointWriter, ANewerStateReplacesTheOneThatWaits) {
  const TemporaryFolder folder;
  HeldUp first(folder.path(), 1);
  CheckpointWriter writer(CheckpointStore(folder.path(), 5));
  writer.submit(state_of(1));
  first.wait();
  writer.submit(state_of(2));
  writer.submit(state_of(3, 0.4));
  writer.submit(state_of(4, 0.5));
  first.let_go();
  writer.wait();
  const auto results = writer.take_finished();
  EXPECT_THAT(steps_of(results), ElementsAre(1, 4));
  EXPECT_THAT(results[0].error, HasSubstr("step-0000000001.checkpoint: cannot sync"));
  EXPECT_TRUE(results[0].path.empty());
  EXPECT_EQ(results[1].error, "");
}

TEST(CheckpointWriter, ButNotOneThatIsToBeKept) {
  for (const bool best : {true, false}) {
    const TemporaryFolder folder;
    HeldUp first(folder.path(), 1);
    CheckpointWriter writer(CheckpointStore(folder.path(), 5, best ? 0 : 2));
    writer.submit(state_of(1));
    first.wait();
    writer.submit(best ? state_of(2, 0.9) : state_of(2));
    first.let_go_meanwhile();
    writer.submit(state_of(3));
    writer.wait();
    EXPECT_THAT(steps_of(writer.take_finished()), ElementsAre(1, 2, 3));
  }
}

TEST(CheckpointWriter, TheLastOneMustSucceed) {
  const TemporaryFolder folder;
  CheckpointWriter writer(CheckpointStore(folder.path(), 5));
  const ScopedFaults faults("rename:enospc,times=2");
  writer.submit(state_of(1));
  writer.wait();
  writer.submit(state_of(2));
  try {
    writer.wait_for_last();
    FAIL() << "said that all is well";
  } catch (const IoError& error) {
    EXPECT_THAT(error.what(), HasSubstr("step-0000000002.checkpoint: cannot rename into place: No "
                                        "space left on device"));
  }
  EXPECT_THAT(steps_of(writer.take_finished()), ElementsAre(1));
  writer.submit(state_of(3));
  EXPECT_NO_THROW(writer.wait_for_last());
  EXPECT_THAT(steps_of(writer.take_finished()), ElementsAre(3));
  EXPECT_NO_THROW(writer.wait_for_last());
}

TEST(CheckpointWriter, AStateThatNoFileCanHoldIsNotAFaultOfTheDisk) {
  const TemporaryFolder folder;
  CheckpointWriter writer(CheckpointStore(folder.path(), 5));
  CheckpointState state = state_of(1);
  state.tensors.emplace_back("half", torch::zeros({2}, torch::kHalf));
  writer.submit(state);
  writer.wait();
  EXPECT_THROW(writer.take_finished(), InputError);
  writer.submit(state_of(2));
  EXPECT_NO_THROW(writer.wait_for_last());
}

TEST(CheckpointWriter, WritesWhatWaitsBeforeItGoes) {
  const TemporaryFolder folder;
  const CheckpointStore store(folder.path(), 5);
  { CheckpointWriter(store).submit(state_of(7)); }
  ASSERT_EQ(store.list().size(), 1u);
  EXPECT_EQ(store.load_newest()->state.step, 7);
}

}  // namespace checkpoint_writer_test
}  // namespace convoy
