// A partitioner from outside the library: its options are keys of the job, and the bits are the
// same for any replicas and workers.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <numeric>

#include "comm_support.hpp"
#include "convoy/core/error.hpp"
#include "convoy/data/partition/partitioner.hpp"
#include "convoy/lanes/sample_schedule.hpp"
#include "data/partition/schedule.hpp"
#include "train_support.hpp"

namespace convoy {
namespace data_partitioner_test {

using ::testing::HasSubstr;

struct BackwardsOptions {
  std::int64_t leave_out = 0;
};
void describe(schema::Visitor& v, BackwardsOptions& o) {
  v.key("leave_out", o.leave_out, schema::at_least(0), "samples at the end that are not visited");
}

/// From the last sample to the first, without the short batch.
class Backwards final : public SampleSchedule {
 public:
  Backwards(const SamplesToPartition& given, std::int64_t leave_out)
      : SampleSchedule(given.lanes), batch_(given.batch), samples_(given.samples - leave_out) {}

  std::int64_t steps_per_epoch() const override { return samples_ / batch_; }
  std::vector<std::int64_t> lane_samples(std::int64_t step, std::int64_t lane) const override {
    const Range part = even_part(batch_, lanes(), lane);
    std::vector<std::int64_t> samples(static_cast<std::size_t>(part.size()));
    std::iota(samples.begin(), samples.end(), (step % steps_per_epoch()) * batch_ + part.begin);
    for (std::int64_t& sample : samples) sample = samples_ - 1 - sample;
    return samples;
  }

 private:
  std::int64_t batch_;
  std::int64_t samples_;
};

class DataPartitioner : public ::testing::Test {
 protected:
  DataPartitioner() {
    partitioners().add({{.name = "backwards", .doc = "from the end", .options = BackwardsOptions{}},
                        [](const SamplesToPartition& given, const schema::AnyOptions& own) {
                          return std::make_unique<Backwards>(given,
                                                             own.as<BackwardsOptions>().leave_out);
                        }});
  }
  ~DataPartitioner() override { partitioners().remove("backwards"); }

  static Job job(const std::string& partition) {
    Job job = testing::small_job();
    job.partition =
        parse_job("data: {train: {features: x, labels: y}}\npartition: " + partition, "job.yaml")
            .partition;
    return job;
  }
};

std::string digest(const Job& job, int workers, int replicas) {
  const ModelFactory factory = build_model(testing::mlp_options(), testing::image_spec());
  std::vector<std::string> digests(static_cast<std::size_t>(workers));
  testing::in_group(workers, [&](const std::shared_ptr<Communicator>& group) {
    RunOptions options;
    options.replicas = replicas;
    options.group = group;
    digests[static_cast<std::size_t>(group->rank())] =
        testing::train(job, factory, options).weights_sha256;
  });
  for (const std::string& one : digests) EXPECT_EQ(one, digests[0]);
  return digests[0];
}

TEST_F(DataPartitioner, TheBitsAreTheSameWhoeverComputes) {
  const Job backwards = job("{by: backwards, leave_out: 5}\n");
  const ModelFactory factory = build_model(testing::mlp_options(), testing::image_spec());
  const std::string expected = testing::train(backwards, factory).weights_sha256;
  for (const int replicas : {1, 2, 3}) EXPECT_EQ(digest(backwards, 1, replicas), expected);
  EXPECT_EQ(digest(backwards, 2, 1), expected);
  EXPECT_EQ(digest(backwards, 2, 2), expected);
  EXPECT_NE(testing::train(job("backwards\n"), factory).weights_sha256, expected);
  EXPECT_NE(testing::train(job("row\n"), factory).weights_sha256, expected);
}

TEST_F(DataPartitioner, ItsSchedule) {
  const Job backwards = job("{by: backwards, leave_out: 1}\n");
  const auto schedule = make_schedule(backwards.partition, {.batch = 4, .lanes = 2}, 1, 10, {});
  EXPECT_EQ(schedule->steps_per_epoch(), 2);
  EXPECT_THAT(schedule->lane_samples(0, 0), ::testing::ElementsAre(8, 7));
  EXPECT_THAT(schedule->lane_samples(3, 1), ::testing::ElementsAre(2, 1));
  EXPECT_EQ(schedule->batch_size(0), 4);
  EXPECT_EQ(schedule->lane_size(0, 1), 2);
  EXPECT_EQ(schedule->first_lane(0), 0);
}

TEST_F(DataPartitioner, ACheckpointOfOtherOptionsIsNotContinued) {
  const testing::TemporaryFolder folder;
  RunOptions options;
  options.out = folder.path();
  const ModelFactory factory = build_model(testing::mlp_options(), testing::image_spec());
  testing::train(job("{by: backwards, leave_out: 5}\n"), factory, options);
  options.resume = true;
  try {
    testing::train(job("{by: backwards, leave_out: 6}\n"), factory, options);
    ADD_FAILURE() << "it was continued";
  } catch (const InputError& error) {
    EXPECT_THAT(error.what(), HasSubstr("partition.leave_out was 5 and is now 6"));
  }
}

TEST_F(DataPartitioner, ItsOptionsCountForItAlone) {
  try {
    job("{by: row, leave_out: 5}\n");
    ADD_FAILURE() << "no error";
  } catch (const InputError& error) {
    EXPECT_STREQ(error.what(),
                 "job.yaml:2: partition.leave_out: counts only with partition.by backwards, and it "
                 "is row; remove one of the two");
  }
}

}  // namespace data_partitioner_test
}  // namespace convoy
