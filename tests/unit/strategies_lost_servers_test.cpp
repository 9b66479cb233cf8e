// A step that throws has changed nothing: a worker loses its parameter servers at every single call
// of a step, as when it is cut off, and whoever is left, or comes in its place, goes on.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <set>
#include <thread>

#include "convoy/core/error.hpp"
#include "convoy/server/server_group.hpp"
#include "convoy/strategies/registry.hpp"
#include "data/partition/schedule.hpp"
#include "server/local.hpp"
#include "strategies/setup.hpp"
#include "train_support.hpp"

namespace convoy {
namespace strategies_lost_servers_test {

// From `armed` on the `at`-th call of a worker fails, and all after it.
struct Cut {
  bool armed = false;
  int at = 0;
  int calls = 0;
};

class CutLink final : public server::Link {
 public:
  CutLink(std::unique_ptr<server::Link> inner, Cut* cut) : inner_(std::move(inner)), cut_(cut) {}
  std::uint32_t shards() const override { return inner_->shards(); }
  std::uint64_t worker() const override { return inner_->worker(); }
  Bytes bytes(std::uint32_t shard) const override { return inner_->bytes(shard); }
  std::uint64_t start(server::Message request) override {
    count();
    return inner_->start(std::move(request));
  }
  server::Answer wait(std::uint64_t request) override {
    count();
    return inner_->wait(request);
  }
  void interrupt() override {}  // of the other workers' waits nothing is to end

 private:
  void count() {
    if (cut_ != nullptr && cut_->armed && cut_->calls++ >= cut_->at)
      throw PeerError(-1, "the servers are lost, as the test wants it");
  }

  std::unique_ptr<server::Link> inner_;
  Cut* cut_;
};

/// One worker process of `workers`, whose servers are in this one.
class Group final : public ServerGroup {
 public:
  Group(server::LocalServers& servers, int rank, int workers, Cut* cut = nullptr)
      : servers_(servers), rank_(rank), workers_(workers), cut_(cut) {}
  std::unique_ptr<server::Link> connect(int replica) override {
    const auto number = static_cast<std::uint32_t>(rank_) * server::replicas_of_process;
    return std::make_unique<CutLink>(servers_.connect(number + static_cast<std::uint32_t>(replica)),
                                     cut_);
  }
  int rank() const override { return rank_; }
  int workers() const override { return workers_; }
  void leave() override {}
  std::string agree(const std::string&, const std::string& mine) override { return mine; }
  bool coordinates() override { return rank_ == 0; }
  std::string previous_coordinator() const override { return {}; }
  void publish_folder(const std::string&) override {}
  std::optional<std::string> folder() override { return {}; }
  void publish_begun() override {}
  bool begun() override { return true; }
  void publish_end(bool) override {}
  bool finished() override { return false; }
  void enlist() override {}
  std::vector<ServedWorker> processes(bool) override { return {}; }
  std::string self() const override { return "worker-" + std::to_string(rank_); }
  bool may_go() override { return false; }

 private:
  server::LocalServers& servers_;
  int rank_;
  int workers_;
  Cut* cut_;
};

constexpr std::int64_t steps = 6;
constexpr std::int64_t broken_step = 2;
constexpr std::uint32_t shards = 2;

/// What all workers of a run have alike, as the Trainer gives it to a strategy.
struct Training {
  explicit Training(const StrategyOptions& options) : strategy(options) {
    Job job = testing::small_job();
    job.train.lanes = 4;
    data = testing::images(48);
    schedule = make_schedule(job.partition, job.train, job.seed, data->size(), {});
    loss = make_loss("auto", data->spec());
  }
  std::unique_ptr<Strategy> worker(std::shared_ptr<ServerGroup> group) {
    StrategySetup setup;
    setup.engine.factory = build_model(testing::cnn_with_batch_norm(), testing::image_spec());
    setup.engine.seed = 5;
    setup.engine.shared.dataset = data;
    setup.engine.shared.schedule = schedule.get();
    setup.engine.shared.loss = &loss;
    setup.engine.shared.lanes = 4;
    setup.engine.shared.seed = 5;
    setup.engine.shared.augmentation =
        std::make_shared<Augmentation>(std::vector<AugmentStep>{}, std::vector<std::int64_t>{});
    setup.engine.optimizer = {.kind = "adam", .rate = 0.01};
    setup.engine.end = steps;
    setup.options = strategy;
    setup.rules.base_rate = 0.01;
    setup.rules.steps = steps;
    setup.rules.steps_per_epoch = 2;
    setup.control = &control;
    setup.servers = std::move(group);
    auto made = strategies().get(strategy.kind).make(setup);
    made->enter(nullptr, {{0, 4}});
    made->start_at(0, 0);
    return made;
  }

  StrategyOptions strategy;
  std::shared_ptr<Dataset> data;
  std::unique_ptr<const SampleSchedule> schedule;
  Loss loss;
  StepControl control;
};

struct Result {
  std::string digest;
  std::set<std::int64_t> updates;  // by each shard
};

Result train_to_the_end(Strategy& strategy) {
  for (std::int64_t step = 0; step < steps;) step = strategy.step(step).step;
  Result result{strategy.result().weights_sha256, {}};
  const nlohmann::ordered_json report = strategy.report();
  for (const auto& shard : report.at("servers"))
    result.updates.insert(shard.at("updates").get<std::int64_t>());
  return result;
}

/// Weights, running statistics and counts of a worker.
std::string state_of(Strategy& strategy) {
  std::string digest;
  strategy.with_model([&] { digest = strategy.engine().weights().sha256(); });
  const StepCounts counts = strategy.counts();
  std::string text = fmt::format("{} {} {}", digest, counts.updates, counts.skipped);
  for (std::int64_t step = 0; step <= steps; ++step)
    text += strategy.numbers_of(step) ? " known" : " unknown";
  return text;
}

/// As servers do that have seen a worker's connection end.
void give_up(server::LocalServers& servers, int rank) {
  const auto lost = servers.connect(static_cast<std::uint32_t>(rank) * server::replicas_of_process);
  for (std::uint32_t shard = 0; shard < shards; ++shard) {
    server::Message gone;
    gone.kind = server::Kind::gone;
    gone.shard = shard;
    lost->call(std::move(gone));
  }
}

/// Takes the steps up to `broken_step`, in which the servers are lost; false: it ended before.
bool loses_them(Strategy& strategy, Cut& cut) {
  std::int64_t step = 0;
  while (step < broken_step) step = strategy.step(step).step;
  const std::string before = state_of(strategy);
  cut.armed = true;
  try {
    strategy.step(step);
    return false;
  } catch (const PeerError&) {
    EXPECT_EQ(state_of(strategy), before) << "call " << cut.at;
  }
  strategy.leave();
  return true;
}

std::vector<StrategyOptions> cases() {
  std::vector<StrategyOptions> all;
  for (const char* consistency : {"bsp", "ssp", "async"}) {
    StrategyOptions options;
    options.kind = "parameter_server";
    options.own = ParameterServerOptions{.consistency = consistency};
    all.push_back(options);
  }
  all.push_back(all.back());
  all.back().own.edit<ParameterServerOptions>().prefetch = true;
  all.push_back(all[1]);
  all.back().compression.kind = "top_k";
  return all;
}

std::string name_of(const StrategyOptions& options) {
  const auto own = options.own.as<ParameterServerOptions>();
  return own.consistency + (own.prefetch ? ", prefetch" : "") +
         (options.compression.kind == "none" ? "" : ", " + options.compression.kind);
}

Result undisturbed(const StrategyOptions& options) {
  Training run(options);
  server::LocalServers servers(shards);
  const auto strategy = run.worker(std::make_shared<Group>(servers, 0, 1));
  const Result result = train_to_the_end(*strategy);
  strategy->leave();
  return result;
}

// The only worker is cut off, and another one comes in its place.
TEST(StrategyLostServers, WhoComesInPlaceOfAWorkerGoesOnWithTheSameStep) {
  for (const StrategyOptions& options : cases()) {
    const Result expected = undisturbed(options);
    ASSERT_EQ(expected.updates, (std::set<std::int64_t>{steps}));
    Cut cut;
    for (;; ++cut.at) {
      SCOPED_TRACE(fmt::format("{}, call {}", name_of(options), cut.at));
      ASSERT_LT(cut.at, 200);
      cut.armed = false;
      cut.calls = 0;
      Training run(options);
      server::LocalServers servers(shards);
      const auto lost = run.worker(std::make_shared<Group>(servers, 0, 1, &cut));
      if (!loses_them(*lost, cut)) break;
      give_up(servers, 0);
      const auto next = run.worker(std::make_shared<Group>(servers, 1, 1));
      const Result result = train_to_the_end(*next);
      next->leave();
      // What a server has acknowledged stays. Of a task that was done all but for its report, which
      // is done again, that is an update more.
      const bool once = result.updates == expected.updates;
      const auto own = options.own.as<ParameterServerOptions>();
      EXPECT_TRUE(once || own.consistency != "bsp");
      const bool same = options.compression.kind == "none" && !own.prefetch && once;
      EXPECT_TRUE(!same || result.digest == expected.digest);
      for (const std::int64_t updates : result.updates) {
        EXPECT_GE(updates, steps);
        EXPECT_LE(updates, steps + 1);
      }
    }
    EXPECT_GT(cut.at, 10) << name_of(options);
  }
}

// Of two workers one is cut off in the middle of a step of both.
TEST(StrategyLostServers, TheOtherWorkerDoesWhatIsLeftOfTheStep) {
  StrategyOptions options = cases()[0];
  const Result expected = undisturbed(options);
  Cut cut;
  for (bool broken = true; broken; ++cut.at) {
    SCOPED_TRACE(fmt::format("call {}", cut.at));
    ASSERT_LT(cut.at, 200);
    cut.armed = false;
    cut.calls = 0;
    Training run(options);
    server::LocalServers servers(shards);
    std::vector<Result> results(2);
    std::thread other([&] {
      const auto strategy = run.worker(std::make_shared<Group>(servers, 1, 2));
      results[1] = train_to_the_end(*strategy);
      strategy->leave();
    });
    {
      const auto strategy = run.worker(std::make_shared<Group>(servers, 0, 2, &cut));
      broken = loses_them(*strategy, cut);
      cut.armed = false;
      if (broken) give_up(servers, 0);
      for (std::int64_t step = broken_step + 1; !broken && step < steps;)
        step = strategy->step(step).step;
      if (!broken) results[0] = {strategy->result().weights_sha256, expected.updates};
      if (!broken) strategy->leave();
    }
    other.join();
    EXPECT_EQ(results[1].digest, expected.digest);
    EXPECT_EQ(results[1].updates, expected.updates);
    EXPECT_TRUE(broken || results[0].digest == expected.digest);
  }
  EXPECT_GT(cut.at, 10);
}

}  // namespace strategies_lost_servers_test
}  // namespace convoy
