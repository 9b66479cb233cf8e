// What a user sees who made a mistake: one clear line and exit status 2 (1 where the system
// refused).
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "system/fixtures.hpp"
#include "system/process.hpp"

namespace convoy::testing {
namespace bad_input_test {

using ::testing::AllOf;
using ::testing::HasSubstr;

class BadInput : public ::testing::Test {
 protected:
  // Runs `convoy train` and returns its one line of complaint.
  std::string complaint(std::vector<std::string> arguments, int status = 2) {
    arguments.insert(arguments.begin(), "train");
    arguments.insert(arguments.end(), {"--out", "run", "--quiet"});
    const Outcome outcome = run(arguments, place_.path());
    EXPECT_EQ(outcome.status, status) << outcome.err;
    EXPECT_EQ(std::count(outcome.err.begin(), outcome.err.end(), '\n'), 1) << outcome.err;
    EXPECT_EQ(outcome.err.rfind("convoy: ", 0), 0u) << outcome.err;
    return outcome.err;
  }

  std::string mlp_with(const std::string& set, int status = 2) {
    return complaint({"mlp.yaml", "--set", set}, status);
  }

  Workplace place_;
};

TEST_F(BadInput, JobFile) {
  EXPECT_THAT(complaint({"none.yaml"}), HasSubstr("none.yaml"));
  place_.write("typo.yaml", place_.read("mlp.yaml") + "  epoch: 3\n");
  EXPECT_THAT(complaint({"typo.yaml"}),
              AllOf(HasSubstr("typo.yaml:15"), HasSubstr("did you mean"), HasSubstr("epochs")));
  EXPECT_THAT(mlp_with("train.batch=many"), HasSubstr("train.batch"));
  EXPECT_THAT(mlp_with("train.batch=4"), HasSubstr("train.lanes"));
  EXPECT_THAT(mlp_with("train.optimizer.kind=sgdd"), HasSubstr("sgd"));
}

TEST_F(BadInput, CommandLine) {
  const Outcome typo = run({"trian", "mlp.yaml"}, place_.path());
  EXPECT_EQ(typo.status, 2);
  EXPECT_THAT(typo.err, HasSubstr("did you mean 'train'?"));
  EXPECT_EQ(run({"train"}, place_.path()).status, 2);
  EXPECT_EQ(run({"train", "mlp.yaml", "--replicas", "0"}, place_.path()).status, 2);
  EXPECT_EQ(run({"predict", "nowhere"}, place_.path()).status, 2);
  EXPECT_EQ(run({"--help"}, place_.path()).status, 0);
}

TEST_F(BadInput, MissingFile) {
  EXPECT_THAT(mlp_with("data.train.features=gone"),
              AllOf(HasSubstr("gone"), HasSubstr("cannot open")));
}

TEST_F(BadInput, TruncatedAndForeignIdx) {
  std::filesystem::resize_file(place_.path() / "train-images", 1000);
  EXPECT_THAT(complaint({"mlp.yaml"}), AllOf(HasSubstr("train-images"), HasSubstr("truncated")));
  place_.write("train-images", "PNG not an IDX file at all");
  EXPECT_THAT(mlp_with("data.format=idx"), AllOf(HasSubstr("train-images"), HasSubstr("magic")));
}

TEST_F(BadInput, RaggedCsv) {
  place_.write("table.csv", "width,colour,weight,kind\n1,red,2,nail\n1,red,2\n");
  EXPECT_THAT(complaint({"table.yaml"}), HasSubstr("table.csv:3: 3 fields where 4 are expected"));
}

TEST_F(BadInput, LabelOutOfRange) {
  EXPECT_THAT(mlp_with("data.classes=3"),
              AllOf(HasSubstr("train-labels"), HasSubstr("label 3 is outside 0..2")));
}

TEST_F(BadInput, CountsDiffer) {
  EXPECT_THAT(mlp_with("data.train.labels=test-labels"), AllOf(HasSubstr("400"), HasSubstr("100")));
}

TEST_F(BadInput, ModelThatDoesNotFitNamesTheLayer) {
  EXPECT_THAT(complaint({"table.yaml", "--set", "model={kind: cnn}"}),
              AllOf(HasSubstr("layer 0 (conv)"), HasSubstr("shape")));
}

TEST_F(BadInput, CheckpointOfAnotherModel) {
  ASSERT_EQ(run({"train", "mlp.yaml", "--out", "run", "--quiet"}, place_.path()).status, 0);
  EXPECT_THAT(complaint({"mlp.yaml", "--resume", "--set", "model.hidden=[33]"}),
              HasSubstr("another model"));
}

TEST_F(BadInput, OutputThatCannotBeWritten) {
  const Outcome outcome =
      run({"train", "mlp.yaml", "--quiet", "--out", "/proc/convoy"}, place_.path());
  EXPECT_EQ(outcome.status, 1);
  EXPECT_THAT(outcome.err, HasSubstr("/proc/convoy"));
  place_.write("file", "");
  EXPECT_EQ(run({"train", "mlp.yaml", "--quiet", "--out", "file/run"}, place_.path()).status, 1);
}

TEST_F(BadInput, NotFiniteValuesStopTheRun) {
  EXPECT_THAT(mlp_with("train.optimizer.rate=1e30", 1),
              AllOf(HasSubstr("step "), HasSubstr("lane "), HasSubstr("sample"),
                    HasSubstr("train.clip.norm")));
}

// A file system of 256 KiB stands for a full disk; making one needs the right to mount.
TEST_F(BadInput, FullDiskKeepsTheOlderCheckpoints) {
  const auto disk = place_.path() / "disk";
  std::filesystem::create_directory(disk);
  const std::string mount = "mount -t tmpfs -o size=256k tmpfs " + disk.string() + " 2>/dev/null";
  if (std::system(mount.c_str()) != 0) GTEST_SKIP() << "mounting is not permitted here";
  const Outcome outcome = run({"train", "mlp.yaml", "--quiet", "--out", "disk/run", "--set",
                               "train.checkpoint.keep_every=1"},
                              place_.path());
  EXPECT_EQ(outcome.status, 1) << outcome.err;
  EXPECT_THAT(outcome.err, HasSubstr("No space left"));
  std::filesystem::remove(disk / "run" / "metrics.jsonl");
  EXPECT_EQ(run({"evaluate", "disk/run"}, place_.path()).status, 0);
  EXPECT_EQ(std::system(("umount " + disk.string()).c_str()), 0);
}

}  // namespace bad_input_test
}  // namespace convoy::testing
