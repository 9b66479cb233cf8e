#include <ATen/CPUGeneratorImpl.h>
#include <gtest/gtest.h>
#include <torch/library.h>
#include <torch/torch.h>

#include <numeric>
#include <set>
#include <thread>

#include "convoy/lanes/lane.hpp"
#include "convoy/lanes/order.hpp"
#include "convoy/lanes/random.hpp"
#include "convoy/lanes/tree.hpp"
#include "lanes/epoch_schedule.hpp"

namespace convoy {
namespace lanes_test {

TEST(Lanes, EvenPartsTileTheWhole) {
  for (std::int64_t count : {0, 1, 5, 32, 33, 64}) {
    for (std::int64_t parts : {1, 2, 3, 8}) {
      std::int64_t next = 0;
      for (std::int64_t part = 0; part < parts; ++part) {
        const Range range = even_part(count, parts, part);
        EXPECT_EQ(range.begin, next);
        EXPECT_LE(range.size(), count / parts + 1);
        next = range.end;
      }
      EXPECT_EQ(next, count);
    }
  }
}

TEST(Lanes, BlockAndCyclicPositionsCoverTheBatchOnce) {
  for (const bool cyclic : {false, true}) {
    std::multiset<std::int64_t> seen;
    for (std::int64_t lane = 0; lane < 8; ++lane) {
      for (const std::int64_t position : lane_positions(37, 8, lane, cyclic)) seen.insert(position);
    }
    ASSERT_EQ(seen.size(), 37u);
    EXPECT_EQ(*seen.begin(), 0);
    EXPECT_EQ(std::set<std::int64_t>(seen.begin(), seen.end()).size(), 37u);
  }
}

// Sums floats whose result depends on the order of additions, for every way to cut the lanes among
// the owners.
float sum_over_owners(const std::vector<float>& leaf, const std::vector<Range>& ownership) {
  const auto lanes = static_cast<std::int64_t>(leaf.size());
  std::vector<Range> nodes;
  std::vector<float> partial;
  for (const Range owned : ownership) {
    for (const Range node : cover(lanes, owned)) {
      std::vector<Range> leaves;
      std::vector<float> values;
      for (std::int64_t lane = node.begin; lane < node.end; ++lane) {
        leaves.push_back({lane - node.begin, lane - node.begin + 1});
        values.push_back(leaf[lane]);
      }
      for (const Addition& add : additions(node.size(), leaves))
        values[add.into] += values[add.from];
      nodes.push_back(node);
      partial.push_back(values[0]);
    }
  }
  for (const Addition& add : additions(lanes, nodes)) partial[add.into] += partial[add.from];
  return partial[0];
}

TEST(Tree, SumHasTheSameBitsForEveryOwnership) {
  for (const std::int64_t lanes : {1, 2, 3, 5, 8, 12, 13}) {
    std::vector<float> leaf;
    for (std::int64_t i = 0; i < lanes; ++i) leaf.push_back(1.0f / static_cast<float>(3 + i * i));
    const float expected = sum_over_owners(leaf, {{0, lanes}});
    for (std::int64_t owners = 1; owners <= lanes + 2; ++owners) {
      EXPECT_EQ(sum_over_owners(leaf, even_ownership(lanes, owners)), expected)
          << lanes << " " << owners;
    }
    for (std::int64_t cut = 0; cut <= lanes; ++cut) {
      EXPECT_EQ(sum_over_owners(leaf, {{0, cut}, {cut, lanes}}), expected)
          << lanes << " cut at " << cut;
    }
  }
}

TEST(Tree, PowerOfTwoRangesAreOneSubtreeEach) {
  EXPECT_EQ(cover(8, {0, 4}), (std::vector<Range>{{0, 4}}));
  EXPECT_EQ(cover(8, {3, 8}), (std::vector<Range>{{3, 4}, {4, 8}}));
  EXPECT_EQ(cover(8, {2, 2}), std::vector<Range>{});
}

TEST(Tree, RefusesNodesThatDoNotTile) {
  EXPECT_THROW(additions(8, {{0, 4}}), std::invalid_argument);
  EXPECT_THROW(additions(8, {{0, 3}, {3, 8}}), std::invalid_argument);
  EXPECT_THROW(additions(4, {{0, 4}, {4, 8}}), std::invalid_argument);
}

TEST(Order, IsAPermutationFixedBySeedAndEpoch) {
  auto order = epoch_order(1000, 7, 3, true);
  EXPECT_EQ(order, epoch_order(1000, 7, 3, true));
  EXPECT_NE(order, epoch_order(1000, 7, 4, true));
  EXPECT_NE(order, epoch_order(1000, 8, 3, true));
  std::sort(order.begin(), order.end());
  EXPECT_EQ(order, epoch_order(1000, 7, 3, false));
}

TEST(Order, KnownValuesStayForever) {
  // A change here breaks resuming of every run that exists.
  EXPECT_EQ(epoch_order(8, 1, 0, true), (std::vector<std::int64_t>{1, 6, 0, 4, 5, 3, 7, 2}));
  EXPECT_EQ(derive_seed(1, RandomPurpose::order, 2, 3), 0x6b360221edd5a20aULL);
  EXPECT_NE(derive_seed(1, RandomPurpose::order, 2, 3), derive_seed(1, RandomPurpose::order, 3, 2));
  EXPECT_NE(derive_seed(1, RandomPurpose::order), derive_seed(1, RandomPurpose::forward));
}

TEST(Order, InBlocksIsAPermutationOfWindows) {
  for (const std::int64_t count : {1, 5, 64, 1000, 1003}) {
    for (const std::int64_t block : {1, 2, 7, 16, 5000}) {
      const BlockOrder order(count, block, 7, 3);
      std::vector<std::int64_t> all;
      for (std::int64_t w = 0; w < order.windows(); ++w) {
        const Range positions = order.positions(w);
        EXPECT_EQ(positions.begin, static_cast<std::int64_t>(all.size()));
        EXPECT_EQ(order.window_of(positions.begin), w);
        EXPECT_EQ(order.window_of(positions.end - 1), w);
        const auto samples = order.samples(w);
        EXPECT_EQ(positions.size(), static_cast<std::int64_t>(samples.size()));
        EXPECT_EQ(samples, BlockOrder(count, block, 7, 3).samples(w));
        for (const std::int64_t sample : samples) {
          const auto blocks = order.blocks(w);
          EXPECT_TRUE(std::any_of(blocks.begin(), blocks.end(), [&](const Range& range) {
            return range.begin <= sample && sample < range.end;
          }));
        }
        EXPECT_LE(order.blocks(w).size(), 16u);
        all.insert(all.end(), samples.begin(), samples.end());
      }
      if (count == 1000) EXPECT_NE(all, epoch_order(count, 7, 3, false));
      std::sort(all.begin(), all.end());
      EXPECT_EQ(all, epoch_order(count, 7, 3, false)) << count << " in blocks of " << block;
    }
  }
}

TEST(Order, KnownBlocksStayForever) {
  const BlockOrder order(40, 2, 1, 0);
  EXPECT_EQ(order.windows(), 2);
  EXPECT_EQ(order.samples(1), (std::vector<std::int64_t>{12, 13, 4, 27, 26, 5, 16, 17}));
}

TEST(Order, LanesTakeFromBlocksWhatTheOrderSays) {
  for (const bool cyclic : {false, true}) {
    const EpochSchedule schedule(
        {.samples = 101, .batch = 10, .lanes = 4, .seed = 5, .block = 3, .cyclic = cyclic});
    const BlockOrder order(101, 3, 5, 1);
    std::vector<std::int64_t> all;
    for (std::int64_t w = 0; w < order.windows(); ++w) {
      for (const std::int64_t sample : order.samples(w)) all.push_back(sample);
    }
    const std::int64_t steps = schedule.steps_per_epoch();
    for (std::int64_t step = 0; step < steps; ++step) {
      std::vector<std::int64_t> batch;
      for (std::int64_t lane = 0; lane < 4; ++lane) {
        const auto samples = schedule.lane_samples(steps + step, lane);
        const auto positions = lane_positions(schedule.batch_size(step), 4, lane, cyclic);
        for (std::size_t i = 0; i < samples.size(); ++i)
          EXPECT_EQ(samples[i], all[static_cast<std::size_t>(step * 10 + positions[i])]);
      }
    }
    // 34 blocks are three windows: what comes next is told when each begins.
    EXPECT_EQ(schedule.next_blocks(steps), order.blocks(1));
    EXPECT_TRUE(schedule.next_blocks(steps + 1).empty());
    EXPECT_EQ(
        schedule.next_blocks(2 * steps - 1).size() + schedule.next_blocks(2 * steps - 2).size(),
        16u);
  }
}

TEST(Order, BatchPlanKeepsOrDropsTheShortBatch) {
  const BatchPlan keep(100, 32, false);
  EXPECT_EQ(keep.steps_per_epoch(), 4);
  EXPECT_EQ(keep.place(3).size, 4);
  EXPECT_EQ(keep.place(4).epoch, 1);
  EXPECT_EQ(keep.place(4).offset, 0);
  const BatchPlan drop(100, 32, true);
  EXPECT_EQ(drop.steps_per_epoch(), 3);
  EXPECT_EQ(drop.place(5).size, 32);
  EXPECT_EQ(BatchPlan(10, 64, true).steps_per_epoch(), 1);
}

torch::Tensor draw_many_kinds() {
  torch::nn::Dropout dropout(0.5);
  const auto x = torch::ones({100}).set_requires_grad(true);
  auto y = dropout(x) + torch::randn({100}) + torch::rand({100});
  y = y + torch::randint(0, 50, {100}) + torch::nn::functional::alpha_dropout(x) +
      torch::randperm(100);
  return y + torch::bernoulli(torch::full({100}, 0.3)) + torch::rrelu(x - 2, 0.1, 0.3, true);
}

TEST(LaneRandom, EveryRandomOperationFollowsTheSeed) {
  const auto draw = [](std::uint64_t seed) {
    const LaneRandom random(seed);
    return draw_many_kinds();
  };
  EXPECT_TRUE(torch::equal(draw(1), draw(1)));
  EXPECT_FALSE(torch::equal(draw(1), draw(2)));
  torch::Tensor elsewhere;
  std::thread([&] { elsewhere = draw(1); }).join();
  EXPECT_TRUE(torch::equal(draw(1), elsewhere));
}

TEST(LaneRandom, LeavesTheGlobalGeneratorAlone) {
  torch::manual_seed(5);
  const auto expected = draw_many_kinds();
  torch::manual_seed(5);
  {
    const LaneRandom random(1);
    draw_many_kinds();
  }
  EXPECT_TRUE(torch::equal(draw_many_kinds(), expected));
}

torch::Tensor draw_by_the_default(const torch::Tensor& self, std::optional<at::Generator> given) {
  auto* generator = at::get_generator_or_default<at::CPUGeneratorImpl>(
      given, at::detail::getDefaultCPUGenerator());
  return torch::full_like(self, static_cast<double>(generator->random() % 1000000));
}

TEST(LaneRandom, CoversOperatorsOfLibrariesThatAreLoadedLater) {
  { const LaneRandom before(1); }
  static torch::Library library(torch::Library::DEF, "convoy_loaded_later", std::nullopt, __FILE__,
                                __LINE__);
  library.def("draw(Tensor self, *, Generator? generator=None) -> Tensor");
  library.impl("draw", torch::dispatch(c10::DispatchKey::CompositeExplicitAutograd,
                                       TORCH_FN(draw_by_the_default)));
  const auto draw = [](std::uint64_t seed) {
    const LaneRandom random(seed);
    return c10::Dispatcher::singleton()
        .findSchemaOrThrow("convoy_loaded_later::draw", "")
        .typed<torch::Tensor(const torch::Tensor&, std::optional<at::Generator>)>()
        .call(torch::zeros({3}), std::nullopt);
  };
  EXPECT_TRUE(torch::equal(draw(1), draw(1)));
  EXPECT_FALSE(torch::equal(draw(1), draw(2)));
}

TEST(LaneRandom, NestsAndReseeds) {
  LaneRandom outer(1);
  const auto first = torch::randn({3});
  outer.reseed(1);
  {
    const LaneRandom inner(2);
    torch::randn({3});
  }
  EXPECT_TRUE(torch::equal(torch::randn({3}), first));
  const auto mine = at::make_generator<at::CPUGeneratorImpl>(9);
  const auto other = at::make_generator<at::CPUGeneratorImpl>(9);
  EXPECT_TRUE(torch::equal(torch::randn({3}, mine), torch::randn({3}, other)));
}

}  // namespace lanes_test
}  // namespace convoy
