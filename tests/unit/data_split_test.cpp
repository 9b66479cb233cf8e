#include <gmock/gmock.h>

#include <algorithm>
#include <map>
#include <set>

#include "data/splits/split.hpp"
#include "data_support.hpp"

namespace convoy {
namespace data_split_test {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

TEST(DataSplit, OrderIsAPermutationFixedByTheSeed) {
  // Golden: a change here changes which samples everybody's runs train on.
  EXPECT_THAT(seeded_order(10, 1), ElementsAre(4, 2, 8, 1, 9, 3, 0, 6, 7, 5));
  EXPECT_THAT(seeded_order(10, 2), ElementsAre(9, 8, 3, 2, 4, 6, 1, 7, 5, 0));
  auto order = seeded_order(1000, 7);
  EXPECT_EQ(order, seeded_order(1000, 7));
  std::sort(order.begin(), order.end());
  for (std::size_t i = 0; i < order.size(); ++i) ASSERT_EQ(order[i], static_cast<std::int64_t>(i));
}

TEST(DataSplit, OrderIsUnbiased) {
  // Each of the 6 orders of 3 should come up 1000 times in 6000; 5 standard deviations is 144.
  std::map<std::vector<std::int64_t>, int> counts;
  for (std::uint64_t seed = 0; seed < 6000; ++seed) ++counts[seeded_order(3, seed)];
  ASSERT_EQ(counts.size(), 6u);
  for (const auto& [order, count] : counts) EXPECT_NEAR(count, 1000, 144);
}

TEST(DataSplit, PartsAreDisjointSortedAndComplete) {
  DataOptions data;
  data.test_part = 0.2;
  data.validation = 0.1;
  const SplitRows rows = split_rows(101, 5, data, "f");
  EXPECT_EQ(rows.test.size(), 20u);
  EXPECT_EQ(rows.validation.size(), 10u);
  EXPECT_EQ(rows.train.size(), 71u);
  std::set<std::int64_t> seen;
  for (const auto* split : {&rows.train, &rows.validation, &rows.test}) {
    EXPECT_TRUE(std::is_sorted(split->begin(), split->end()));
    seen.insert(split->begin(), split->end());
  }
  EXPECT_EQ(seen.size(), 101u);
}

TEST(DataSplit, LimitKeepsTheFirstOfTheSeededOrder) {
  DataOptions data;
  data.limit = 10;
  const SplitRows ten = split_rows(100, 3, data, "f");
  data.limit = 20;
  const SplitRows twenty = split_rows(100, 3, data, "f");
  EXPECT_EQ(ten.train.size(), 10u);
  EXPECT_TRUE(
      std::includes(twenty.train.begin(), twenty.train.end(), ten.train.begin(), ten.train.end()));
  auto expected = seeded_order(100, 3);
  expected.resize(10);
  std::sort(expected.begin(), expected.end());
  EXPECT_EQ(ten.train, expected);
  data.limit = 1000;
  EXPECT_EQ(split_rows(100, 3, data, "f").train.size(), 100u);
}

TEST(DataSplit, RefusesEmptySplits) {
  DataOptions data;
  data.validation = 0.001;
  EXPECT_THAT(test::error_of([&] { split_rows(100, 1, data, "f"); }),
              HasSubstr("data.validation: 0.001 of the 100 samples in f is none"));
  data.validation = 0.5;
  data.test_part = 0.5;
  EXPECT_THAT(test::error_of([&] { split_rows(100, 1, data, "f"); }),
              HasSubstr("leaves none to train on"));
  data.validation = 1.5;
  EXPECT_THAT(test::error_of([&] { split_rows(100, 1, data, "f"); }),
              HasSubstr("1.5 is not a part"));
}

}  // namespace data_split_test
}  // namespace convoy
