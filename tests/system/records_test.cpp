// Prepared data as a user makes and trains on it: the same weights, memory that is bounded, and
// nothing half-written.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include <filesystem>
#include <random>

#include "convoy/data/formats/formats.hpp"
#include "convoy/data/records/prepare.hpp"
#include "convoy/job/job.hpp"
#include "paths.hpp"
#include "system/fixtures.hpp"
#include "system/process.hpp"

namespace convoy::testing {
namespace records_test {

namespace fs = std::filesystem;
using ::testing::HasSubstr;

std::string weights_of(const Workplace& place, const std::string& job, const std::string& run_name,
                       std::vector<std::string> set = {}, int workers = 1) {
  std::vector<std::string> arguments;
  if (workers > 1) arguments = {"launch", "--workers", std::to_string(workers), "--"};
  arguments.insert(arguments.end(),
                   {"train", job, "--out", run_name, "--replicas", "1", "--quiet"});
  for (const std::string& one : set) arguments.insert(arguments.end(), {"--set", one});
  const Outcome outcome = run(arguments, place.path());
  EXPECT_EQ(outcome.status, 0) << outcome.err;
  return outcome.status == 0 ? place.summary(run_name)["weights_sha256"] : "";
}

Outcome prepare(const Workplace& place, std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(), {"data", "prepare"});
  return run(arguments, place.path());
}

TEST(Records, TrainingOnThemGivesTheWeightsOfTheFiles) {
  const Workplace place;
  for (const char* job : {"mlp.yaml", "table.yaml"}) {
    const std::string out = std::string("prepared-") + job;
    const Outcome made = prepare(place, {job, "--out", out});
    ASSERT_EQ(made.status, 0) << made.err;
    EXPECT_THAT(made.out, HasSubstr("train: " + out));
    std::vector<std::string> set = {"data.train=" + out};
    if (std::string(job) == "mlp.yaml") set.push_back("data.test=" + out);
    const std::string files = weights_of(place, job, std::string("files-") + job);
    EXPECT_EQ(weights_of(place, job, std::string("records-") + job, set), files);
    EXPECT_EQ(weights_of(place, job, std::string("two-") + job, set, 2), files);
    EXPECT_EQ(run({"data", "verify", out}, place.path()).status, 0);
  }
}

TEST(Records, AKilledOrFailedPreparationLeavesNothingInPlace) {
  const Workplace place;
  for (const char* fault : {"write:enospc,path=.records", "crash:write,path=.records",
                            "crash:rename,path=records.json", "sync:eio,path=.records"}) {
    auto process = Process::of(
        {convoy::testing::program_path(), "data", "prepare", "table.yaml", "--out", "p"},
        place.path(), "prepare", {std::string("CONVOY_FAULTS=") + fault});
    const Outcome outcome = process.wait();
    EXPECT_NE(outcome.status, 0) << fault;
    EXPECT_FALSE(fs::exists(place.path() / "p")) << fault;
  }
  EXPECT_EQ(prepare(place, {"table.yaml", "--out", "p"}).status, 0);
  const std::string index = place.read("p/records.json");
  EXPECT_EQ(prepare(place, {"table.yaml", "--out", "p"}).status, 2) << "it is there already";
  auto process = Process::of(
      {convoy::testing::program_path(), "data", "prepare", "table.yaml", "--out", "p", "--force"},
      place.path(), "prepare", {"CONVOY_FAULTS=write:enospc,path=records.json"});
  EXPECT_EQ(process.wait().status, 1);
  EXPECT_EQ(place.read("p/records.json"), index) << "what was there stays";
  EXPECT_EQ(run({"data", "verify", "p"}, place.path()).status, 0);
}

/// The most memory that a child of this process had until now, in MiB.
std::int64_t most_memory() {
  rusage usage{};
  ::getrusage(RUSAGE_CHILDREN, &usage);
  return usage.ru_maxrss >> 10;
}

/// Samples of 8 KiB.
void make_samples(const Workplace& place, const std::string& name, std::int64_t samples) {
  constexpr std::int64_t width = 2048;
  std::mt19937 random(3);
  std::vector<float> values(static_cast<std::size_t>(samples * width));
  std::string labels;
  for (std::size_t i = 0; i < values.size(); ++i)
    values[i] = static_cast<float>(random() % 1000) / 1000.0F;
  Array array;
  array.shape = {samples, width};
  array.bytes = std::as_bytes(std::span<const float>(values));
  place.write(name + ".npy", format_npy(array));
  std::vector<std::uint8_t> classes(static_cast<std::size_t>(samples));
  for (std::size_t i = 0; i < classes.size(); ++i) classes[i] = static_cast<std::uint8_t>(i % 3);
  array.type = ElementType::u8;
  array.shape = {samples};
  array.bytes = std::as_bytes(std::span<const std::uint8_t>(classes));
  place.write(name + "-labels.npy", format_npy(array));
}

TEST(Records, AnEpochOverEightTimesTheMemoryStaysWithinIt) {
  const Workplace place;
  make_samples(place, "small", 64);
  make_samples(place, "large", 16'384);  // 128 MiB
  for (const char* name : {"small", "large"}) {
    place.write(std::string(name) + ".yaml",
                std::string("data:\n  train: {features: ") + name + ".npy, labels: " + name +
                    "-labels.npy}\npreprocess: [standardise: {per: all}]\n"
                    "model: {kind: mlp, hidden: [4]}\n"
                    "train: {epochs: 1, batch: 64, lanes: 4}\n"
                    "report: {html: false}\n");
    Job job = load_job(place.path() / (std::string(name) + ".yaml"));
    prepare_data(load_options(job),
                 {place.path() / (std::string(name) + "-records"), 4 << 20});  // in this process
  }
  // In this order: what is measured is the most that any child has had.
  weights_of(place, "small.yaml", "run-small", {"data.train=small-records"});
  const std::int64_t baseline = most_memory();
  const std::vector<std::string> limited = {"data.train=large-records", "data.memory=16",
                                            "data.verify=false"};
  const std::string one = weights_of(place, "large.yaml", "run-one", limited);
  const std::string two = weights_of(place, "large.yaml", "run-two", limited, 2);
  const std::int64_t bounded = most_memory();
  EXPECT_EQ(one, two);
  // 16 MiB of records, 8 MiB of batches for each of two replicas, and what a longer run needs
  // (measured with libtorch 2.13: 22 to 25 MiB; without a limit it is over 100, see below).
  EXPECT_LE(bounded - baseline, 16 + 2 * 8 + 40);
  weights_of(place, "large.yaml", "run-free",
             {"data.train=large-records", "data.verify=false", "partition.block=31"});
  EXPECT_GE(most_memory() - baseline, 100) << "without a limit all of it would be in memory";
  EXPECT_EQ(place.summary("run-free")["weights_sha256"], one)
      << "memory changes nothing but the block that it chooses";
}

}  // namespace records_test
}  // namespace convoy::testing
