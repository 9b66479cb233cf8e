// Lanes that are filled by value, and that every way to partition visits each sample once an epoch.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <numeric>

#include "convoy/lanes/random.hpp"
#include "lanes/epoch_schedule.hpp"

namespace convoy {
namespace lanes_value_test {

using Samples = std::vector<std::int64_t>;

// Value v of `counts` is that of counts[v] samples, scattered over the file.
SampleValues scattered(const std::vector<std::int64_t>& counts) {
  SampleValues values;
  for (std::size_t v = 0; v < counts.size(); ++v) {
    values.codes.insert(values.codes.end(), static_cast<std::size_t>(counts[v]),
                        static_cast<std::uint32_t>(v));
    values.hashes.push_back(derive_seed(5, RandomPurpose::order, v));
  }
  for (std::size_t i = values.codes.size(); i > 1; --i)
    std::swap(values.codes[i - 1], values.codes[derive_seed(9, RandomPurpose::order, i) % i]);
  return values;
}

SampleValues all_different(std::int64_t count) {
  return scattered(std::vector<std::int64_t>(static_cast<std::size_t>(count), 1));
}

EpochSchedule::Options by_value(const SampleValues& values, ValueAssignment assignment,
                                std::int64_t batch, std::int64_t lanes) {
  EpochSchedule::Options options;
  options.samples = static_cast<std::int64_t>(values.codes.size());
  options.batch = batch;
  options.lanes = lanes;
  options.seed = 3;
  options.values = &values;
  options.assignment = assignment;
  return options;
}

constexpr std::array assignments = {ValueAssignment::stratified, ValueAssignment::hash,
                                    ValueAssignment::range};

// The samples of an epoch, lane after lane; checks the sizes that the schedule tells.
std::vector<Samples> lanes_of_epoch(const EpochSchedule& schedule, std::int64_t lanes,
                                    std::int64_t epoch) {
  std::vector<Samples> all(static_cast<std::size_t>(lanes));
  const std::int64_t steps = schedule.steps_per_epoch();
  for (std::int64_t step = epoch * steps; step < (epoch + 1) * steps; ++step) {
    std::int64_t batch = 0;
    std::int64_t first = -1;
    for (std::int64_t lane = 0; lane < lanes; ++lane) {
      const Samples samples = schedule.lane_samples(step, lane);
      EXPECT_EQ(schedule.lane_size(step, lane), static_cast<std::int64_t>(samples.size()));
      all[lane].insert(all[lane].end(), samples.begin(), samples.end());
      batch += static_cast<std::int64_t>(samples.size());
      if (!samples.empty() && first < 0) first = lane;
    }
    EXPECT_EQ(schedule.batch_size(step), batch);
    EXPECT_EQ(schedule.first_lane(step), first);
    EXPECT_GT(batch, 0);
  }
  return all;
}

Samples joined(const std::vector<Samples>& lanes) {
  Samples all;
  for (const Samples& lane : lanes) all.insert(all.end(), lane.begin(), lane.end());
  std::sort(all.begin(), all.end());
  return all;
}

Samples all_samples(std::int64_t count) {
  Samples samples(static_cast<std::size_t>(count));
  std::iota(samples.begin(), samples.end(), 0);
  return samples;
}

TEST(LanesValue, EverySampleIsVisitedOnceInEveryEpoch) {
  for (const std::int64_t count : {1, 7, 97, 240, 241}) {
    const SampleValues few = scattered({count / 2, count / 3, count - count / 2 - count / 3, 0});
    for (const SampleValues& values : {few, all_different(count)}) {
      for (const ValueAssignment assignment : assignments) {
        for (std::int64_t lanes = 1; lanes <= 8; ++lanes) {
          for (const std::int64_t batch : {8, 13, 24, 1000}) {
            if (std::min(batch, count) < lanes) continue;
            for (const bool drop : {false, true}) {
              for (const bool shuffled : {false, true}) {
                EpochSchedule::Options options = by_value(values, assignment, batch, lanes);
                options.drop_last = drop;
                options.shuffled = shuffled;
                const EpochSchedule schedule(options);
                for (const std::int64_t epoch : {0, 1})
                  ASSERT_EQ(joined(lanes_of_epoch(schedule, lanes, epoch)), all_samples(count))
                      << count << " samples, " << lanes << " lanes, batch " << batch;
              }
            }
          }
        }
      }
    }
  }
}

TEST(LanesValue, ByRowEverySampleIsVisitedOnceOrLeftOutWithTheLastBatch) {
  for (const std::int64_t count : {97, 240}) {
    for (std::int64_t lanes = 1; lanes <= 8; ++lanes) {
      for (const std::int64_t batch : {8, 13, 24}) {
        for (const bool cyclic : {false, true}) {
          for (const bool drop : {false, true}) {
            const EpochSchedule schedule({.samples = count,
                                          .batch = batch,
                                          .lanes = lanes,
                                          .seed = 3,
                                          .cyclic = cyclic,
                                          .drop_last = drop});
            const Samples seen = joined(lanes_of_epoch(schedule, lanes, 1));
            if (!drop) {
              ASSERT_EQ(seen, all_samples(count));
            } else {
              ASSERT_EQ(static_cast<std::int64_t>(seen.size()), count / batch * batch);
              ASSERT_EQ(std::adjacent_find(seen.begin(), seen.end()), seen.end());
            }
          }
        }
      }
    }
  }
}

TEST(LanesValue, ALaneHasTheSameSamplesInEveryEpochInAnotherOrder) {
  const SampleValues values = scattered({100, 60, 40, 3});
  for (const ValueAssignment assignment : assignments) {
    const EpochSchedule schedule(by_value(values, assignment, 16, 4));
    std::vector<Samples> first = lanes_of_epoch(schedule, 4, 0);
    std::vector<Samples> second = lanes_of_epoch(schedule, 4, 1);
    EXPECT_EQ(first, lanes_of_epoch(EpochSchedule(by_value(values, assignment, 16, 4)), 4, 0));
    for (std::size_t lane = 0; lane < 4; ++lane) {
      if (first[lane].size() > 3) {
        EXPECT_NE(first[lane], second[lane]);
      }
      std::sort(first[lane].begin(), first[lane].end());
      std::sort(second[lane].begin(), second[lane].end());
      EXPECT_EQ(first[lane], second[lane]);
    }
  }
}

TEST(LanesValue, HashPutsAllSamplesOfAValueInTheLaneOfItsHash) {
  const SampleValues values = scattered({30, 20, 10, 5, 1});
  const EpochSchedule schedule(by_value(values, ValueAssignment::hash, 16, 4));
  const auto lanes = lanes_of_epoch(schedule, 4, 0);
  for (std::size_t lane = 0; lane < 4; ++lane) {
    for (const std::int64_t sample : lanes[lane])
      EXPECT_EQ(values.hashes[values.codes[static_cast<std::size_t>(sample)]] % 4, lane);
  }
}

TEST(LanesValue, RangesAreOfEqualSizeAndInTheOrderOfValuesTiesByRow) {
  const SampleValues values = scattered({37, 20, 11, 34});
  EpochSchedule::Options options = by_value(values, ValueAssignment::range, 16, 4);
  options.shuffled = false;
  const auto lanes = lanes_of_epoch(EpochSchedule(options), 4, 0);
  std::pair<std::uint32_t, std::int64_t> last{0, -1};
  for (const Samples& lane : lanes) {
    EXPECT_THAT(lane.size(), ::testing::AnyOf(25, 26));
    EXPECT_TRUE(std::is_sorted(lane.begin(), lane.end())) << "in sequence: as in the file";
    std::vector<std::pair<std::uint32_t, std::int64_t>> keys;
    for (const std::int64_t sample : lane)
      keys.emplace_back(values.codes[static_cast<std::size_t>(sample)], sample);
    std::sort(keys.begin(), keys.end());
    EXPECT_LT(last, keys.front());
    last = keys.back();
  }
}

TEST(LanesValue, StratifiedLanesHaveAsManyOfEachValueAsAnyOther) {
  for (const bool shuffled : {true, false}) {
    const SampleValues values = scattered({501, 250, 100, 17, 3});
    EpochSchedule::Options options = by_value(values, ValueAssignment::stratified, 32, 8);
    options.shuffled = shuffled;
    const auto lanes = lanes_of_epoch(EpochSchedule(options), 8, 0);
    for (std::uint32_t value = 0; value < 5; ++value) {
      Samples counts;
      for (const Samples& lane : lanes) {
        counts.push_back(std::count_if(lane.begin(), lane.end(), [&](std::int64_t sample) {
          return values.codes[static_cast<std::size_t>(sample)] == value;
        }));
      }
      const auto [least, most] = std::minmax_element(counts.begin(), counts.end());
      EXPECT_LE(*most - *least, 1);
    }
  }
}

TEST(LanesValue, StratifiedBatchesHaveTheirShareOfEachValue) {
  const std::vector<std::int64_t> counts = {500, 250, 150, 70, 30};
  const SampleValues values = scattered(counts);
  for (const std::int64_t batch : {40, 50, 64, 100}) {
    const EpochSchedule schedule(by_value(values, ValueAssignment::stratified, batch, 8));
    for (std::int64_t step = 0; step < 2 * schedule.steps_per_epoch(); ++step) {
      std::map<std::uint32_t, std::int64_t> own;
      for (std::int64_t lane = 0; lane < 8; ++lane) {
        for (const std::int64_t sample : schedule.lane_samples(step, lane))
          ++own[values.codes[static_cast<std::size_t>(sample)]];
      }
      const auto size = static_cast<double>(schedule.batch_size(step));
      for (std::uint32_t value = 0; value < 5; ++value)
        EXPECT_NEAR(static_cast<double>(own[value]),
                    size * static_cast<double>(counts[value]) / 1000, 4)
            << "batch " << batch << ", step " << step << ", value " << value;
    }
  }
}

// With values that are all different a batch has one of each part of their range.
TEST(LanesValue, StratifiedBatchesOfNumbersSpanTheirRange) {
  const SampleValues values = all_different(1000);
  const EpochSchedule schedule(by_value(values, ValueAssignment::stratified, 20, 4));
  for (std::int64_t step = 0; step < schedule.steps_per_epoch(); ++step) {
    std::vector<int> tenths(10, 0);
    for (std::int64_t lane = 0; lane < 4; ++lane) {
      for (const std::int64_t sample : schedule.lane_samples(step, lane))
        ++tenths[values.codes[static_cast<std::size_t>(sample)] / 100];
    }
    for (const int count : tenths)
      EXPECT_THAT(count, ::testing::AllOf(::testing::Ge(1), ::testing::Le(3)));
  }
}

TEST(LanesValue, KnownValuesStayForever) {
  // A change here breaks resuming of every run that exists.
  const SampleValues values{{0, 1, 0, 1, 2, 0, 2, 1}, {10, 21, 33}};
  const auto order = [&](ValueAssignment assignment) {
    return ValueLanes(values, {assignment, 2, 3, 1, true}).order(0);
  };
  EXPECT_EQ(order(ValueAssignment::hash), (Samples{2, 0, 5, 7, 6, 4, 3, 1}));
  EXPECT_EQ(order(ValueAssignment::range), (Samples{1, 0, 2, 5, 3, 7, 6, 4}));
  EXPECT_EQ(order(ValueAssignment::stratified), (Samples{2, 6, 5, 1, 4, 0, 7, 3}));
}

}  // namespace lanes_value_test
}  // namespace convoy
