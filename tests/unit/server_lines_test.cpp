// Gradients and weights of which only the lines that count travel.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "server/lines.hpp"
#include "server/shard.hpp"

namespace convoy::server {
namespace server_lines_test {

using ::testing::ElementsAre;

constexpr std::uint64_t run(std::uint64_t first, std::uint64_t count) {
  return first << 32 | count;
}

TEST(ServerLines, AreThoseThatAreNotZero) {
  std::vector<float> values(100);
  values[0] = 1;
  values[20] = -0.0F;
  values[99] = 2;  // of a line of four
  const ChosenLines lines = nonzero_lines(values);
  EXPECT_TRUE(lines.fewer);
  EXPECT_THAT(lines.runs, ElementsAre(run(0, 2), run(6, 1)));
  std::vector<float> packed;
  gather_lines(lines.runs, values, packed);
  EXPECT_EQ(packed.size(), 36u);
  std::vector<float> again(100);
  scatter_lines(lines.runs, packed, again);
  EXPECT_EQ(again, values);
  EXPECT_TRUE(std::signbit(again[20]));
}

TEST(ServerLines, ThatAreMostOfAllAreNotWorthIt) {
  EXPECT_FALSE(nonzero_lines(std::vector<float>(100, 1)).fewer);
  EXPECT_TRUE(nonzero_lines(std::vector<float>(100, 0)).fewer);
}

TEST(ServerLines, ThatDoNotFitAreRefused) {
  const std::vector<float> packed(32, 1);
  std::vector<float> values(40);
  const auto refused = [&](const LineRuns& runs) {
    EXPECT_THROW(scatter_lines(runs, packed, values), RequestError);
    EXPECT_EQ(values, std::vector<float>(40));
  };
  refused({run(0, 1)});                    // too few
  refused({run(1, 1), run(0, 1)});         // out of order
  refused({run(0, 1), run(0, 1)});         // twice
  refused({run(2, 2)});                    // beyond the end
  refused({run(0, 0), run(0, 2)});         // empty
  refused({run(0xffffffff, 0xffffffff)});  // far beyond it
  refused({std::numeric_limits<std::uint64_t>::max()});
}

ShardPlan plan_of(std::vector<std::int64_t> counts, const std::string& consistency) {
  ShardPlan plan;
  plan.options.consistency = consistency;
  plan.steps = 10;
  plan.optimizer.rate = 0.5;
  plan.counts = std::move(counts);
  return plan;
}

Message request(Kind kind) {
  Message m;
  m.kind = kind;
  m.worker = 1;
  m.task = 1;
  m.lanes = {0, 1};
  return m;
}

Message handled(Shard& shard, const Message& m) {
  Message answer;
  EXPECT_TRUE(shard.handle(m, answer));
  return answer;
}

void update(Shard& shard, std::uint64_t task, std::size_t touched) {
  std::vector<float> gradient(80);
  gradient[touched] = 1;
  const ChosenLines lines = nonzero_lines(gradient);
  std::vector<float> packed;
  gather_lines(lines.runs, gradient, packed);
  Message push = request(Kind::push);
  push.task = task;
  push.flags = Flag::lines;
  push.count = 80;
  push.rows = lines.runs;
  push.data = packed;
  handled(shard, push);
  Message apply = request(Kind::apply);
  apply.task = task;
  apply.rate = 0.5;
  handled(shard, apply);
}

TEST(ServerLines, AShardAnswersWithWhatHasChanged) {
  Shard shard(plan_of({64, 16}, "async"));
  handled(shard, request(Kind::ready));
  Message pull = request(Kind::pull);
  pull.task = 0;
  pull.count = 80;
  const Message whole = handled(shard, pull);
  EXPECT_FALSE(whole.has(Flag::lines));
  EXPECT_EQ(whole.data.size(), 80u);

  update(shard, 1, 40);
  update(shard, 2, 70);
  pull.rows = {static_cast<std::uint64_t>(whole.version), whole.array};
  const Message changed = handled(shard, pull);
  ASSERT_TRUE(changed.has(Flag::lines));
  EXPECT_THAT(changed.rows, ElementsAre(run(2, 1), run(4, 1)));
  EXPECT_EQ(changed.data[8], -0.5F);

  pull.rows[0] = static_cast<std::uint64_t>(whole.version) + 1;
  EXPECT_THAT(handled(shard, pull).rows, ElementsAre(run(4, 1)));
  pull.rows[1] = whole.array + 1;  // of another server
  EXPECT_EQ(handled(shard, pull).data.size(), 80u);
}

TEST(ServerLines, APushThatDoesNotFitChangesNothing) {
  Shard shard(plan_of({64}, "async"));
  handled(shard, request(Kind::ready));
  const std::vector<float> packed(16, 1);
  Message push = request(Kind::push);
  push.flags = Flag::lines;
  push.rows = {run(9, 1)};
  push.data = packed;
  Message answer;
  for (const std::int64_t count : {std::int64_t{64}, std::int64_t{1} << 40, std::int64_t{-1}}) {
    push.count = count;
    EXPECT_THROW(shard.handle(push, answer), RequestError);
  }
}

TEST(ServerShard, DecodesWhatIsPushedCompressed) {
  ShardPlan plan = plan_of({64}, "async");
  plan.compression.kind = "top_k";
  plan.compression.own = SparseOptions{.part = 0.125};
  Shard shard(ShardPlan::parse(plan.text()));
  handled(shard, request(Kind::ready));
  std::vector<float> gradient(64);
  gradient[9] = 1;
  const auto codec = make_codec(plan.compression);
  std::vector<float> encoded(codec->encoded_bytes(64) / sizeof(float));
  codec->encode(gradient, 0, std::as_writable_bytes(std::span(encoded)));
  Message push = request(Kind::push);
  push.count = 64;
  push.rows = {0};
  push.data = encoded;
  Message apply = request(Kind::apply);
  apply.rate = 0.5;
  Message answer;
  EXPECT_THROW(shard.handle(apply, answer), RequestError);  // before anything came
  for (const auto& [count, floats] : std::vector<std::pair<std::int64_t, std::size_t>>{
           {56, encoded.size()}, {65, encoded.size()}, {64, encoded.size() - 1}, {-1, 0}, {0, 0}}) {
    push.count = count;
    push.data = std::span<const float>(encoded).first(floats);
    EXPECT_THROW(shard.handle(push, answer), RequestError) << count << " " << floats;
  }
  push.count = 64;
  std::vector<float> nonsense(encoded.size(), -1);  // places beyond the end
  push.data = nonsense;
  EXPECT_THROW(shard.handle(push, answer), RequestError);
  push.data = encoded;
  push.first = 16;  // a piece that does not follow
  EXPECT_THROW(shard.handle(push, answer), RequestError);
  EXPECT_THROW(shard.handle(apply, answer), RequestError);
  push.first = 0;
  handled(shard, push);
  handled(shard, push);  // said again
  handled(shard, apply);
  Message pull = request(Kind::pull);
  pull.task = 0;
  pull.count = 64;
  std::vector<float> expected(64);
  expected[9] = -0.5F;
  const Message weights = handled(shard, pull);
  EXPECT_THAT(weights.data, ::testing::ElementsAreArray(expected));
}

TEST(ServerShard, RefusesNumbersThatNoJobReaches) {
  constexpr auto most = std::numeric_limits<std::int64_t>::max();
  Shard shard(plan_of({64}, "bsp"));
  Message ready = request(Kind::ready);
  ready.count = most;
  Message answer;
  EXPECT_THROW(shard.handle(ready, answer), RequestError);
  handled(shard, request(Kind::ready));
  Message fetch = request(Kind::fetch);
  fetch.first = 1;
  fetch.count = most;
  EXPECT_THROW(shard.handle(fetch, answer), RequestError);
  Message squares = request(Kind::squares);
  squares.step = most;
  EXPECT_FALSE(shard.handle(squares, answer));  // waits for a step that does not come
}

}  // namespace server_lines_test
}  // namespace convoy::server
