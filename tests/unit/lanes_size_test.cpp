// Batches by size: each sample once an epoch, batches within their budget, steps that do not depend
// on the order.
#include <gtest/gtest.h>

#include <algorithm>
#include <numeric>

#include "lanes/epoch_schedule.hpp"
#include "lanes/size_batches.hpp"

namespace convoy {
namespace lanes_size_test {

std::vector<std::int64_t> some_sizes(std::int64_t count) {
  std::vector<std::int64_t> sizes;
  for (std::int64_t i = 0; i < count; ++i) sizes.push_back(1 + i * i * 7 % 61);
  return sizes;
}

std::vector<std::int64_t> sorted(std::vector<std::int64_t> numbers) {
  std::sort(numbers.begin(), numbers.end());
  return numbers;
}

std::vector<std::int64_t> counting_to(std::int64_t count) {
  std::vector<std::int64_t> numbers(static_cast<std::size_t>(count));
  std::iota(numbers.begin(), numbers.end(), 0);
  return numbers;
}

TEST(LanesSize, EverySampleOnceAnEpochWithinTheBudget) {
  const std::vector<std::int64_t> sizes = some_sizes(1'003);
  const SizeBatches batches(sizes, {256, 8, 3});
  for (const std::int64_t number : {0, 1, 7}) {
    const SizeBatches::Epoch epoch = batches.epoch(number);
    EXPECT_EQ(sorted(epoch.order), counting_to(1'003));
    ASSERT_EQ(std::ssize(epoch.begin), batches.steps() + 1);
    for (std::int64_t step = 0; step < batches.steps(); ++step) {
      std::int64_t longest = 0;
      ASSERT_LT(epoch.begin[step], epoch.begin[step + 1]);
      for (std::int64_t i = epoch.begin[step]; i < epoch.begin[step + 1]; ++i)
        longest = std::max(longest, sizes[epoch.order[i]]);
      EXPECT_LE(longest * (epoch.begin[step + 1] - epoch.begin[step]), 256);
    }
  }
  EXPECT_NE(batches.epoch(0).order, batches.epoch(1).order);
  EXPECT_EQ(batches.epoch(1).order, SizeBatches(sizes, {256, 8, 3}).epoch(1).order);
  EXPECT_NE(batches.epoch(0).order, SizeBatches(sizes, {256, 8, 4}).epoch(0).order);
}

TEST(LanesSize, InSequenceNothingIsLeftToChance) {
  const SizeBatches batches({5, 1, 6, 2, 3}, {8, 4, 1, false});
  const SizeBatches::Epoch epoch = batches.epoch(0);
  EXPECT_EQ(epoch.order, (std::vector<std::int64_t>{1, 3, 4, 0, 2}));
  EXPECT_EQ(epoch.begin, (std::vector<std::int64_t>{0, 2, 3, 4, 5}));
  EXPECT_EQ(batches.epoch(1).order, epoch.order);
}

TEST(LanesSize, ASampleAboveTheBudgetIsABatchByItself) {
  const SizeBatches batches({100, 3, 100, 2}, {8, 1, 1});
  const SizeBatches::Epoch epoch = batches.epoch(0);
  EXPECT_EQ(sorted(epoch.order), counting_to(4));
  EXPECT_EQ(batches.steps(), 3);
}

TEST(LanesSize, TheShortBatchMayBeLeftOut) {
  EXPECT_EQ(SizeBatches({2, 2, 2, 2, 2}, {4, 1, 1, true, false}).steps(), 3);
  EXPECT_EQ(SizeBatches({2, 2, 2, 2, 2}, {4, 1, 1, true, true}).steps(), 2);
  EXPECT_EQ(SizeBatches({2}, {4, 1, 1, true, true}).steps(), 1);
}

TEST(LanesSize, TheScheduleDealsBatchesToLanes) {
  SampleValues values;
  values.sizes = some_sizes(500);
  EpochSchedule::Options options;
  options.samples = 500;
  options.batch = 64;
  options.lanes = 3;
  options.values = &values;
  options.tokens = 300;
  options.bucket = 4;
  const EpochSchedule schedule(options);
  for (const std::int64_t epoch : {0, 2}) {
    std::vector<std::int64_t> seen;
    for (std::int64_t s = 0; s < schedule.steps_per_epoch(); ++s) {
      const std::int64_t step = epoch * schedule.steps_per_epoch() + s;
      std::int64_t samples = 0;
      for (std::int64_t lane = 0; lane < 3; ++lane) {
        const auto part = schedule.lane_samples(step, lane);
        EXPECT_EQ(std::ssize(part), schedule.lane_size(step, lane));
        samples += std::ssize(part);
        seen.insert(seen.end(), part.begin(), part.end());
      }
      EXPECT_EQ(samples, schedule.batch_size(step));
    }
    EXPECT_EQ(sorted(seen), counting_to(500));
  }
}

}  // namespace lanes_size_test
}  // namespace convoy
