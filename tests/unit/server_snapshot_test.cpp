// A backup that is made from a snapshot, at any instant, goes on with the same bits.
#include <gtest/gtest.h>

#include <cmath>

#include "convoy/comm/compression/codec.hpp"
#include "convoy/lanes/tree.hpp"
#include "server/shard_store.hpp"

namespace convoy::server::snapshots {
namespace server_snapshot_test {

using Snapshot = std::vector<std::vector<float>>;  // pieces

Snapshot snapshot_of(const ShardStore& shard_store, std::uint32_t shard = 0,
                     std::size_t piece = 64) {
  Snapshot pieces;
  SnapshotWriter out(
      [&](std::span<const float> data, bool) { pieces.emplace_back(data.begin(), data.end()); },
      piece);
  shard_store.save(shard, out);
  out.finish();
  return pieces;
}

// By their bits: among numbers that are no floats are some that look like NaN.
bool same(const Snapshot& left, const Snapshot& right) {
  return std::equal(left.begin(), left.end(), right.begin(), right.end(),
                    [](const auto& a, const auto& b) {
                      return a.size() == b.size() &&
                             std::memcmp(a.data(), b.data(), a.size() * sizeof(float)) == 0;
                    });
}

void restore(ShardStore& shard_store, const Snapshot& snapshot, std::uint32_t shard = 0) {
  std::deque<SnapshotReader::Piece> pieces;
  for (const auto& piece : snapshot) pieces.push_back({nullptr, piece});
  SnapshotReader in(std::move(pieces));
  shard_store.restore(shard, in);
}

// Requests, with data of their own.
class Script {
 public:
  explicit Script(std::uint32_t shards = 1) : shards_(shards), shard_store_(shards) {}

  Message say(Message message, std::vector<float> data = {}) {
    said_.push_back({std::move(message), std::move(data)});
    Message answer;
    tell(shard_store_, said_.size() - 1, answer);
    EXPECT_NE(answer.kind, Kind::error) << answer.text;
    return answer;
  }

  // Cuts the script everywhere: there a host is made from a snapshot of another one, and both go
  // on with what follows.
  void expect_same_everywhere(std::uint32_t shard = 0) {
    ShardStore first(shards_);
    for (std::size_t cut = 0; cut <= said_.size(); ++cut) {
      ShardStore second(shards_);
      restore(second, snapshot_of(first, shard), shard);
      ASSERT_TRUE(same(snapshot_of(second, shard), snapshot_of(first, shard))) << "cut at " << cut;
      expect_same_from(cut, second, shard);
      Message answer;
      if (cut < said_.size()) tell(first, cut, answer);
    }
  }

  const ShardStore& shard_store() const { return shard_store_; }

 private:
  struct Said {
    Message message;
    std::vector<float> data;
  };
  bool tell(ShardStore& shard_store, std::size_t k, Message& answer) {
    Message message = said_[k].message;
    message.data = said_[k].data;
    return shard_store.handle(message, answer);
  }
  void expect_same_from(std::size_t cut, ShardStore& second, std::uint32_t shard) {
    ShardStore first(shards_);
    Message ours;
    Message theirs;
    for (std::size_t k = 0; k < cut; ++k) tell(first, k, ours);
    for (std::size_t k = cut; k < said_.size(); ++k) {
      ASSERT_EQ(tell(first, k, ours), tell(second, k, theirs)) << cut << ", " << k;
      // What a worker that has pulled from the first one need not get is no matter of the second.
      if (said_[k].message.kind == Kind::pull) theirs.array = ours.array;
      ASSERT_EQ(encode_head(ours), encode_head(theirs)) << cut << ", " << k;
      ASSERT_TRUE(
          std::equal(ours.data.begin(), ours.data.end(), theirs.data.begin(), theirs.data.end()));
    }
    ASSERT_TRUE(same(snapshot_of(first, shard), snapshot_of(second, shard))) << cut;
  }

  std::uint32_t shards_;
  ShardStore shard_store_;
  std::vector<Said> said_;
};

constexpr std::int64_t elements = 80;  // of blocks of 40, 7 and 16, each from a multiple of 16 on

ShardPlan some_plan(const std::string& consistency) {
  ShardPlan plan;
  plan.options.consistency = consistency;
  plan.lanes = 4;
  plan.steps = 5;
  plan.options.staleness = 1;
  plan.workers = 2;
  plan.optimizer.rate = 0.1;
  plan.optimizer.own.edit<SgdOptions>().momentum = 0.9;
  plan.counts = {40, 7, 16};
  return plan;
}

std::vector<float> some_values(std::size_t count, double seed) {
  std::vector<float> values(count);
  for (std::size_t i = 0; i < count; ++i)
    values[i] = static_cast<float>(std::sin(seed + 0.37 * static_cast<double>(i)));
  return values;
}

Message of(Kind kind, std::uint64_t worker) {
  Message message;
  message.kind = kind;
  message.worker = worker << 32 | 7;
  return message;
}

void begin(Script& script, const ShardPlan& plan, std::vector<std::uint64_t> workers) {
  for (const std::uint64_t worker : workers) {
    Message hello = of(Kind::hello, worker);
    hello.text = "a job";
    script.say(hello);
  }
  Message planned = of(Kind::plan, 1);
  planned.text = plan.text();
  planned.numbers = {0.5, 1.5};
  script.say(planned);
  Message load = of(Kind::load, 1);
  script.say(load, some_values(elements, 1));
  load.array = 1;
  load.first = 16;
  script.say(load, some_values(30, 2));
  Message ready = of(Kind::ready, 1);
  ready.text = "counters";
  script.say(ready);
}

// All of a task's gradient, in two messages for each node.
void push(Script& script, std::uint64_t worker, std::uint64_t task, std::int64_t step, Range lanes,
          bool second_half) {
  for (const Range& node : cover(4, lanes)) {
    Message message = of(Kind::push, worker);
    message.task = task;
    message.step = step;
    message.lanes = node;
    const double seed = static_cast<double>(step * 10 + node.begin);
    message.first = second_half ? 48 : 0;
    script.say(message, some_values(second_half ? 32 : 40, seed + (second_half ? 0.5 : 0)));
  }
}

void report(Script& script, std::uint64_t worker, std::int64_t step, Range lanes) {
  Message message = of(Kind::report, worker);
  message.step = step;
  message.lanes = lanes;
  message.numbers = std::vector<double>(static_cast<std::size_t>(lanes.size()), 0.1);
  for (const Range& node : cover(4, lanes)) {
    message.numbers.push_back(static_cast<double>(node.begin) + 0.25);
    message.numbers.push_back(3);
  }
  message.count = 8;
  message.rate = 0.5;
  message.text = "counted";
  script.say(message);
}

Message apply_of(std::uint64_t worker, std::uint64_t task, std::int64_t step, Range lanes) {
  Message message = of(Kind::apply, worker);
  message.task = task;
  message.step = step;
  message.lanes = lanes;
  message.rate = 0.1;
  message.scale = 0.5;
  return message;
}

TEST(ServerSnapshot, OfBspAtAnyInstant) {
  Script script;
  begin(script, some_plan("bsp"), {1, 2, 3});
  for (std::int64_t step = 0; step < 3; ++step) {
    std::vector<std::pair<std::uint64_t, Range>> tasks;
    for (const std::uint64_t worker : {1, 2, 3}) {
      if (worker == 3 && step > 1) continue;  // it is gone
      tasks.emplace_back(worker, script.say(of(Kind::take, worker)).lanes);
    }
    if (step == 0) {  // the first one that takes begins before the third is there
      tasks = {{1, {0, 2}}, {2, {2, 4}}};
    }
    for (const bool second : {false, true})
      for (const auto& [worker, lanes] : tasks)
        push(script, worker, static_cast<std::uint64_t>(step + 1), step, lanes, second);
    for (const auto& [worker, lanes] : tasks)
      if (!lanes.empty()) report(script, worker, step, lanes);
    Message squares = of(Kind::squares, 2);
    squares.step = step;
    script.say(squares);
    Message step_result = of(Kind::step_result, 1);
    step_result.step = step;
    script.say(step_result);
    script.say(apply_of(2, 1, step, {0, 4}));
    Message pull = of(Kind::pull, 1);
    pull.version = step + 1;
    pull.count = elements;
    EXPECT_EQ(script.say(pull).version, step + 1);
    if (step == 1) script.say(of(Kind::gone, 3));
  }
  script.say(of(Kind::statistics, 1));
  script.say(of(Kind::close, 1));
  script.expect_same_everywhere();
}

void work_alone(Script& script, const ShardPlan& plan) {
  begin(script, plan, {1, 2});
  const auto codec = plan.compression.kind == "none" ? nullptr : make_codec(plan.compression);
  const auto half = [&](std::uint64_t worker, std::uint64_t task, const Message& taken,
                        bool second) {
    if (taken.lanes.empty()) return;  // ssp: it is too far ahead
    if (!codec) return push(script, worker, task, taken.step, taken.lanes, second);
    Message message = of(Kind::push, worker);
    message.task = task;
    message.lanes = taken.lanes;
    message.first = second ? 48 : 0;
    message.count = second ? 32 : 48;
    message.rows = {task};
    const auto values = some_values(static_cast<std::size_t>(message.count), 0.1);
    const std::size_t bytes = codec->encoded_bytes(values.size());
    std::vector<float> packed(floats_for(bytes));
    codec->encode(values, task, std::as_writable_bytes(std::span(packed)).first(bytes));
    script.say(message, packed);
  };
  std::map<std::uint64_t, Message> taken;
  std::map<std::uint64_t, std::uint64_t> tasks;
  const auto take = [&](std::uint64_t worker) {
    taken[worker] = script.say(of(Kind::take, worker));
    Message pull = of(Kind::pull, worker);
    pull.task = ++tasks[worker];
    pull.count = elements;
    script.say(pull);
  };
  const auto finish = [&](std::uint64_t worker) {
    const Message& task = taken[worker];
    if (task.lanes.empty()) return;
    half(worker, tasks[worker], task, true);
    script.say(apply_of(worker, tasks[worker], task.step, task.lanes));
    report(script, worker, task.step, task.lanes);
  };
  script.say(of(Kind::take, 1));  // which waits for the other worker
  take(2);
  take(1);
  EXPECT_FALSE(taken[1].lanes.empty());
  EXPECT_FALSE(taken[2].lanes.empty());
  for (int round = 0; round < 2; ++round) {
    half(1, tasks[1], taken[1], false);
    half(2, tasks[2], taken[2], false);
    finish(2);
    take(2);
    half(2, tasks[2], taken[2], false);
    finish(1);
    finish(2);
    take(1);
    take(2);
  }
  script.say(of(Kind::gone, 2));
  script.say(of(Kind::statistics, 1));
}

TEST(ServerSnapshot, OfSspAtAnyInstant) {
  Script script;
  work_alone(script, some_plan("ssp"));
  script.expect_same_everywhere();
}

TEST(ServerSnapshot, OfAsyncAtAnyInstant) {
  for (const std::string compensation : {"none", "dc_asgd", "staleness"}) {
    for (const std::string codec : {"none", "top_k", "int8"}) {
      ShardPlan plan = some_plan("async");
      plan.options.compensation = compensation;
      plan.compression.kind = codec;
      if (codec == "top_k") plan.compression.own = SparseOptions{.part = 0.25};
      Script script;
      work_alone(script, plan);
      script.expect_same_everywhere();
    }
  }
}

TEST(ServerSnapshot, OfTablesAtAnyInstant) {
  Script script(2);
  for (const std::string kind : {"adam", "sgd"}) {
    RowTableOptions options;
    options.name = kind;
    options.rows = 31;
    options.columns = 5;
    options.spread = 0.5;
    options.optimizer.kind = kind;
    options.optimizer.rate = 0.1;
    Message table = of(Kind::table, 1);
    table.shard = 1;
    table.text = text_of(options);
    const std::uint32_t number = script.say(table).array;
    for (std::uint64_t task = 1; task < 4; ++task) {
      Message push = of(Kind::push_rows, 1 + task % 2);
      push.shard = 1;
      push.array = number;
      push.task = task;
      push.rows = {1, 2 * task + 1, 29};
      script.say(push, some_values(15, static_cast<double>(task)));
      push.kind = Kind::pull_rows;
      script.say(push);
    }
  }
  script.expect_same_everywhere(1);
}

TEST(ServerSnapshot, ThatIsCutOrSpoiltChangesNothing) {
  Script script;
  ShardPlan plan = some_plan("async");
  plan.options.compensation = "dc_asgd";
  work_alone(script, plan);
  Snapshot whole = snapshot_of(script.shard_store(), 0, std::size_t{1} << 20);
  ASSERT_EQ(whole.size(), 1u);
  const std::vector<float> all = whole[0];
  ShardStore shard_store(1);
  const Snapshot before = snapshot_of(shard_store);
  for (std::size_t size = 0; size < all.size(); ++size) {
    whole[0].assign(all.begin(), all.begin() + static_cast<std::ptrdiff_t>(size));
    ASSERT_THROW(restore(shard_store, whole), RequestError) << size;
    ASSERT_TRUE(same(snapshot_of(shard_store), before));
  }
  whole = {all, {1}};
  EXPECT_THROW(restore(shard_store, whole), RequestError);
  ShardStore of_two(2);
  EXPECT_THROW(restore(of_two, {all}, 1), RequestError);  // of another shard
  EXPECT_THROW(restore(shard_store, {all}, 1), RequestError);
  for (std::size_t k = 0; k < all.size(); ++k) {  // any bits: refused, or another state
    whole = {all};
    for (const std::uint32_t bits : {0xffffffffU, 0x7fffffffU, 0x01000000U}) {
      std::memcpy(&whole[0][k], &bits, sizeof bits);
      ShardStore another(1);
      try {
        restore(another, whole);
      } catch (const RequestError&) {
      }
      Message answer;
      another.handle(of(Kind::statistics, 1), answer);
    }
  }
  restore(shard_store, {all});
  EXPECT_TRUE(same(snapshot_of(shard_store), snapshot_of(script.shard_store())));
}

// Nothing is allocated for what is not there.
TEST(ServerSnapshot, ThatClaimsToBeLargeIsRefused) {
  ShardPlan plan = some_plan("bsp");
  plan.counts = {std::int64_t{1} << 33};
  Snapshot pieces;
  SnapshotWriter out(
      [&](std::span<const float> data, bool) { pieces.emplace_back(data.begin(), data.end()); });
  for (const std::uint32_t field : {0x53535643U, 1U, 1U, 0U}) out.put(field);
  out.put(std::string("a job"));
  out.put(std::vector<std::uint64_t>());
  out.put(std::vector<std::uint64_t>());
  out.put(true);
  out.put(plan.text());
  out.put_all(std::span<const float>(some_values(1000, 1)));
  out.finish();
  ShardStore shard_store(1);
  EXPECT_THROW(restore(shard_store, pieces), RequestError);
}

TEST(ServerSnapshot, OfAnotherJobIsRefused) {
  Script script;
  begin(script, some_plan("bsp"), {1});
  ShardStore shard_store(1);
  Message hello = of(Kind::hello, 2);
  hello.text = "another job";
  Message answer;
  shard_store.handle(hello, answer);
  EXPECT_THROW(restore(shard_store, snapshot_of(script.shard_store())), RequestError);
}

}  // namespace server_snapshot_test
}  // namespace convoy::server::snapshots
