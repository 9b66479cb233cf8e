// A step that throws has changed nothing: a peer is lost at every single message of a step, with
// every strategy whose workers talk to each other.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <thread>

#include "comm/transports/memory/transport.hpp"
#include "convoy/core/checksum.hpp"
#include "convoy/strategies/registry.hpp"
#include "core/tensor_bytes.hpp"
#include "data/partition/schedule.hpp"
#include "strategies/setup.hpp"
#include "train_support.hpp"

namespace convoy {
namespace strategies_failure_test {

// What the threads of a test share: from `armed` on the `at`-th message of the first rank fails.
struct Breakage {
  std::atomic<bool> armed{false};
  std::atomic<int> messages{0};
  int at = 0;
};

class BreakingTransport final : public Transport {
 public:
  BreakingTransport(std::unique_ptr<Transport> inner, Breakage* breakage)
      : inner_(std::move(inner)), breakage_(breakage) {}
  std::string_view name() const override { return inner_->name(); }
  std::size_t slice_bytes() const override { return inner_->slice_bytes(); }
  std::shared_ptr<Transfer> send(int peer, int tag, SendPieces pieces) override {
    count(peer);
    count_sent(total_size(pieces));
    return inner_->send(peer, tag, std::move(pieces));
  }
  std::shared_ptr<Transfer> receive(int peer, int tag, ReceivePieces pieces,
                                    Receive mode) override {
    count(peer);
    return inner_->receive(peer, tag, std::move(pieces), mode);
  }
  void abort() override { inner_->abort(); }

 private:
  void count(int peer) {
    if (breakage_ == nullptr || !breakage_->armed || breakage_->messages++ != breakage_->at) return;
    inner_->abort();
    throw PeerError(peer, "the peer is lost, as the test wants it");
  }

  std::unique_ptr<Transport> inner_;
  Breakage* breakage_;
};

struct Case {
  std::string name;
  StrategyOptions strategy;
  bool elastic = false;
  std::vector<int> hosts = {0, 0};
  std::int64_t broken_step = 2;  // with an exchange of models at its end
};

std::vector<Case> cases() {
  std::vector<Case> all;
  const auto add = [&](const std::string& name, auto&& set) {
    for (const bool elastic : {false, true}) {
      Case one{name + (elastic ? ", elastic" : ""), {}, elastic};
      set(one.strategy);
      all.push_back(one);
    }
  };
  add("synchronous", [](StrategyOptions&) {});
  Case other{"synchronous, two hosts", all[0].strategy};
  other.hosts = {0, 1};
  all.push_back(other);
  other = {"synchronous, the first step", all[0].strategy};
  other.broken_step = 0;
  all.push_back(other);
  add("synchronous, buckets", [](StrategyOptions& s) { s.bucket = "0.01"; });
  for (const char* kind : {"int8", "top_k", "power_sgd"})
    add(kind, [&](StrategyOptions& s) { s.compression.kind = kind; });
  for (const char* kind : {"local_sgd", "elastic_averaging", "gossip"})
    add(kind, [&](StrategyOptions& s) { s = testing::averaging(kind, 3); });
  add("local_sgd, outer momentum", [](StrategyOptions& s) {
    s = testing::averaging("local_sgd", 3);
    s.own.edit<LocalSgdOptions>().outer = {.rate = 0.7, .momentum = 0.9, .nesterov = true};
  });
  return all;
}

std::string state_of(Strategy& strategy, bool first) {
  StateWriter writer;
  writer.first = first;
  strategy.save(writer);
  std::vector<std::uint64_t> digests;
  const auto add = [&](const torch::Tensor& tensor) {
    const torch::Tensor dense = tensor.contiguous();
    digests.push_back(xxh3(bytes_of(dense)));
  };
  for (const auto& [name, tensor] : writer.whole.tensors) add(tensor);
  if (writer.part) {
    for (const torch::Tensor& tensor : writer.part->arrays) add(tensor);
    for (const auto& [name, tensor] : writer.part->own) add(tensor);
  }
  const StepCounts counts = strategy.counts();
  std::string text = std::to_string(counts.updates) + "/" + std::to_string(counts.skipped);
  for (const std::uint64_t digest : digests) text += " " + std::to_string(digest);
  return text;
}

constexpr std::int64_t steps = 6;

// Trains on two threads; the group breaks at message `at` of the step. Whether anybody noticed.
bool breaks_at(const Case& one, int at) {
  Job job = testing::small_job();
  job.strategy = one.strategy;
  job.train.lanes = 4;
  const auto data = testing::images(48);
  const auto schedule = make_schedule(job.partition, job.train, job.seed, data->size(), {});
  const Loss loss = make_loss("auto", data->spec());
  StepControl control;
  Breakage breakage;
  breakage.at = at;
  std::vector<std::unique_ptr<Transport>> transports = make_thread_transports(2);
  std::vector<std::shared_ptr<Communicator>> group;
  for (int rank = 0; rank < 2; ++rank) {
    group.push_back(std::make_shared<Communicator>(
        std::make_unique<BreakingTransport>(std::move(transports[static_cast<std::size_t>(rank)]),
                                            rank == 0 ? &breakage : nullptr),
        rank, one.hosts, std::chrono::seconds(20)));
  }
  std::atomic<int> ready{0};
  std::atomic<int> done{0};
  std::atomic<bool> thrown{false};
  const auto work = [&](int rank) {
    Communicator& own = *group[static_cast<std::size_t>(rank)];
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
    setup.options = job.strategy;
    setup.rules.base_rate = 0.01;
    setup.rules.steps = steps;
    setup.rules.steps_per_epoch = 2;
    setup.control = &control;
    setup.elastic = one.elastic;
    const auto strategy = strategies().get(job.strategy.kind).make(setup);
    strategy->enter(&own, {{0, 2}, {2, 4}});
    strategy->start_at(0, 0);
    for (std::int64_t n = 0; n < one.broken_step; ++n) strategy->step(n);
    own.barrier();
    const std::string before = state_of(*strategy, rank == 0);
    ++ready;
    while (ready < 2) std::this_thread::yield();
    breakage.armed = true;
    try {
      const StepOutcome outcome = strategy->step(one.broken_step);
      if (outcome.broken) {
        thrown = true;
        for (const auto& communicator : group) communicator->abort();
      }
    } catch (const PeerError&) {
      thrown = true;
      for (const auto& communicator : group) communicator->abort();
      EXPECT_EQ(state_of(*strategy, rank == 0), before)
          << one.name << ", rank " << rank << ", message " << at;
    }
    ++done;
    while (done < 2) std::this_thread::yield();
    own.abort();
    strategy->leave();
  };
  const auto guarded = [&](int rank) {
    try {
      work(rank);
    } catch (const std::exception& error) {
      ADD_FAILURE() << one.name << ", rank " << rank << ", message " << at << ": " << error.what();
      for (const auto& communicator : group) communicator->abort();
      ready += 2;
      done += 2;
    }
  };
  std::thread second(guarded, 1);
  guarded(0);
  second.join();
  return thrown;
}

TEST(StrategyFailure, AStepThatThrowsHasChangedNothing) {
  for (const Case& one : cases()) {
    int at = 0;
    while (breaks_at(one, at)) ++at;
    EXPECT_GT(at, 0) << one.name;
    EXPECT_LT(at, 200) << one.name;
  }
}

}  // namespace strategies_failure_test
}  // namespace convoy
