#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <numeric>
#include <random>

#include "convoy/lanes/balance.hpp"

namespace convoy {
namespace lanes_balance_test {

using ::testing::ElementsAre;

using Counts = std::vector<std::int64_t>;

// Steps of owners with these speeds, until a move or the end.
std::optional<Counts> steps(LaneBalancer& balancer, const std::vector<double>& lane_seconds,
                            int count) {
  for (int i = 0; i < count; ++i) {
    std::vector<double> seconds;
    for (std::size_t k = 0; k < lane_seconds.size(); ++k)
      seconds.push_back(lane_seconds[k] * static_cast<double>(balancer.counts()[k]));
    if (auto moved = balancer.add(seconds)) return moved;
  }
  return std::nullopt;
}

TEST(BalancedCounts, AreEvenForEqualSpeeds) {
  EXPECT_THAT(balanced_counts(8, {1, 1, 1}, {1, 1, 1}), ElementsAre(3, 3, 2));
}

TEST(BalancedCounts, GiveTheSlowOneLess) {
  EXPECT_THAT(balanced_counts(8, {1, 3}, {1, 1}), ElementsAre(6, 2));
}

TEST(BalancedCounts, LeaveEverybodyOneLane) {
  EXPECT_THAT(balanced_counts(4, {1, 1000, 1}, {1, 1, 1}), ElementsAre(2, 1, 1));
}

TEST(BalancedCounts, CountTheLanesThatAnOwnerComputesAtATime) {
  EXPECT_THAT(balanced_counts(9, {1, 1}, {2, 1}), ElementsAre(6, 3));
}

TEST(BalancedCounts, WithMoreOwnersThanLanesTheLastOwnNothing) {
  EXPECT_THAT(balanced_counts(2, {1, 1, 1}, {1, 1, 1}), ElementsAre(1, 1, 0));
}

TEST(OwnershipOf, IsContiguous) {
  EXPECT_THAT(ownership_of({2, 0, 3}), ElementsAre(Range{0, 2}, Range{2, 2}, Range{2, 5}));
}

TEST(LaneBalancer, StaysWhereAllIsWell) {
  LaneBalancer balancer({4, 4}, {1, 1});
  EXPECT_FALSE(steps(balancer, {1, 1.05}, 1000));
}

TEST(LaneBalancer, MovesWithinAFewSteps) {
  LaneBalancer balancer({4, 4}, {1, 1});
  const auto moved = steps(balancer, {1, 3}, 6);
  ASSERT_TRUE(moved);
  EXPECT_THAT(*moved, ElementsAre(6, 2));
}

TEST(LaneBalancer, MovesBackWhenTheSlowOneRecovers) {
  LaneBalancer balancer({4, 4}, {1, 1});
  ASSERT_TRUE(steps(balancer, {1, 3}, 6));
  const auto back = steps(balancer, {1, 1}, 20);
  ASSERT_TRUE(back);
  EXPECT_THAT(*back, ElementsAre(4, 4));
}

TEST(LaneBalancer, OneSlowStepMovesNothing) {
  LaneBalancer balancer({4, 4}, {1, 1});
  EXPECT_FALSE(steps(balancer, {1, 1}, 10));
  EXPECT_FALSE(balancer.add({4, 40}));
  EXPECT_FALSE(steps(balancer, {1, 1}, 10));
}

TEST(LaneBalancer, DoesNotOscillate) {
  LaneBalancer balancer({4, 4}, {1, 1});
  int moves = 0;
  for (int i = 0; i < 100; ++i) {
    const bool first_is_slow = i % 2 == 0;
    for (int step = 0; step < 10; ++step) {
      const auto& counts = balancer.counts();
      const double a = first_is_slow ? 2 : 1;
      const double b = first_is_slow ? 1 : 2;
      if (balancer.add({a * static_cast<double>(counts[0]), b * static_cast<double>(counts[1])}))
        ++moves;
    }
  }
  EXPECT_LE(moves, 15);
}

TEST(LaneBalancer, NoiseOfABusyMachineMovesLittle) {
  LaneBalancer balancer({4, 4}, {1, 1});
  std::mt19937 random(7);
  std::lognormal_distribution<double> noise(0, 0.3);
  int moves = 0;
  for (int step = 0; step < 2000; ++step) {
    const auto& counts = balancer.counts();
    const double first = noise(random) * static_cast<double>(counts[0]);
    const double second = noise(random) * static_cast<double>(counts[1]);
    if (balancer.add({first, second})) ++moves;
  }
  EXPECT_LE(moves, 8);
}

TEST(LaneBalancer, TellsTheImbalanceThatMadeItMove) {
  LaneBalancer balancer({4, 4}, {1, 1});
  ASSERT_TRUE(steps(balancer, {1, 3}, 6));
  EXPECT_DOUBLE_EQ(balancer.imbalance_before_move(), 1.5);
}

TEST(LaneBalancer, TellsTheImbalance) {
  LaneBalancer balancer({4, 4}, {1, 1});
  steps(balancer, {1, 3}, 4);
  EXPECT_DOUBLE_EQ(balancer.imbalance(), 1.5);
  EXPECT_DOUBLE_EQ(balancer.imbalance_of({6, 2}), 1);
}

}  // namespace lanes_balance_test
}  // namespace convoy
