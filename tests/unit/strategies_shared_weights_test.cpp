// The weights that the workers of a host share while they step together: the bits are those of
// weights of one's own, and nobody sees what another does with its own afterwards.
#include <gtest/gtest.h>

#include <thread>

#include "apart_compute.hpp"
#include "comm_support.hpp"
#include "convoy/strategies/registry.hpp"
#include "data/partition/schedule.hpp"
#include "strategies/setup.hpp"
#include "train_support.hpp"

namespace convoy {
namespace strategies_shared_weights_test {

constexpr std::int64_t lanes = 8;

struct Net : torch::nn::Module {
  explicit Net(std::chrono::microseconds wait) : delay(wait) {
    first = register_module("first", torch::nn::Linear(64, 150));
    second = register_module("second", torch::nn::Linear(150, 4));
    frozen = register_parameter("frozen", torch::full({4}, 0.25), /*requires_grad=*/false);
  }
  torch::Tensor forward(const torch::Tensor& x) {
    std::this_thread::sleep_for(delay);
    return second(torch::relu(first(x.flatten(1)))) + frozen;
  }
  std::chrono::microseconds delay;
  torch::nn::Linear first{nullptr}, second{nullptr};
  torch::Tensor frozen;
};

// One worker of a fixed group, or the only one.
class Worker {
 public:
  struct Options {
    std::int64_t steps = 6;
    std::int64_t verify_every = 0;
    std::chrono::microseconds delay{0};
    const Compute* device = &host_compute();
  };
  Worker(Communicator* group, const Options& options)
      : job_(testing::small_job()),
        data_(testing::images(96)),
        schedule_(make_schedule(job_.partition, job_.train, job_.seed, data_->size(), {})),
        loss_(make_loss("auto", data_->spec())) {
    StrategySetup setup;
    setup.engine.factory = model_factory<Net>(options.delay);
    setup.engine.seed = 5;
    setup.engine.device = options.device;
    setup.engine.shared.dataset = data_;
    setup.engine.shared.schedule = schedule_.get();
    setup.engine.shared.loss = &loss_;
    setup.engine.shared.lanes = lanes;
    setup.engine.shared.seed = 5;
    setup.engine.shared.augmentation =
        std::make_shared<Augmentation>(std::vector<AugmentStep>{}, std::vector<std::int64_t>{});
    setup.engine.optimizer = {.kind = "adam", .rate = 0.01};
    setup.engine.end = options.steps;
    setup.options = job_.strategy;
    setup.rules.base_rate = 0.01;
    setup.rules.verify_every = options.verify_every;
    setup.rules.steps = options.steps;
    setup.rules.steps_per_epoch = 4;
    setup.control = &control_;
    strategy_ = strategies().get("synchronous").make(setup);
    enter(group);
  }

  Strategy* operator->() { return strategy_.get(); }
  void enter(Communicator* group) {
    const int workers = group == nullptr ? 1 : group->size();
    std::vector<Range> ranges;
    for (int w = 0; w < workers; ++w) ranges.push_back(even_part(lanes, workers, w));
    strategy_->enter(group, ranges);
    strategy_->start_at(next_, next_);
  }
  // How often lanes moved.
  int step(std::int64_t count) {
    int moves = 0;
    for (; count > 0; --count) moves += strategy_->step(next_++).moved ? 1 : 0;
    return moves;
  }
  bool shares() { return strategy_->engine().weights().shared(); }
  // What the network computes with.
  std::string digest() {
    const Network& network = strategy_->engine().replica(0).network();
    std::string digest = weights_sha256(*network.module);
    EXPECT_EQ(digest, strategy_->engine().weights().sha256());
    return digest;
  }

 private:
  Job job_;
  std::shared_ptr<Dataset> data_;
  std::unique_ptr<const SampleSchedule> schedule_;
  Loss loss_;
  StepControl control_;
  std::unique_ptr<Strategy> strategy_;
  std::int64_t next_ = 0;
};

std::string alone(std::int64_t steps) {
  Worker worker(nullptr, {});
  worker.step(steps);
  return worker.digest();
}

TEST(SharedWeights, AreTheSameBitsAfterEachStepAndEveryonesOwnInTheEnd) {
  std::vector<std::string> expected;
  for (std::int64_t steps = 1; steps <= 6; ++steps) expected.push_back(alone(steps));
  for (const int workers : {2, 3}) {
    testing::in_group(workers, [&](const std::shared_ptr<Communicator>& group) {
      Worker worker(group.get(), {});
      for (std::size_t n = 0; n < 6; ++n) {
        worker.step(1);
        EXPECT_EQ(worker.digest(), expected[n]) << workers;
        EXPECT_EQ(worker.shares(), n < 5) << n;
      }
    });
  }
}

TEST(SharedWeights, AreThoseOfOneHostAndNotOfWorkersWhoCompareThem) {
  testing::in_group(3,
                    [&](const std::shared_ptr<Communicator>& group) {
                      Worker worker(group.get(), {});
                      worker.step(2);
                      EXPECT_FALSE(worker.shares());
                    },
                    std::chrono::seconds(60), {0, 0, 1});
  testing::in_group(2, [&](const std::shared_ptr<Communicator>& group) {
    Worker worker(group.get(), {.verify_every = 2});
    worker.step(2);
    EXPECT_FALSE(worker.shares());
  });
}

// One worker whose device has no memory for them is enough.
TEST(SharedWeights, AreNotWhereADeviceHasMemoryOfItsOwn) {
  testing::ApartCompute device;
  const std::string expected = alone(2);
  testing::in_group(2, [&](const std::shared_ptr<Communicator>& group) {
    Worker worker(group.get(), {.device = group->rank() == 1 ? &device : &host_compute()});
    worker.step(2);
    EXPECT_FALSE(worker.shares());
    EXPECT_EQ(worker->engine().weights().sha256(), expected);
  });
}

TEST(SharedWeights, StayRightWhileLanesMove) {
  constexpr std::int64_t steps = 40;
  std::atomic<int> moves{0};
  std::vector<std::string> digests(2);
  testing::in_group(2, [&](const std::shared_ptr<Communicator>& group) {
    const auto rank = static_cast<std::size_t>(group->rank());
    Worker worker(group.get(),
                  {.steps = steps + 1, .delay = std::chrono::microseconds(rank == 0 ? 0 : 3000)});
    moves += worker.step(steps);
    EXPECT_TRUE(worker.shares());
    digests[rank] = worker.digest();
  });
  EXPECT_GE(moves, 2);
  Worker one(nullptr, {.steps = steps + 1});
  one.step(steps);
  EXPECT_EQ(digests, std::vector<std::string>(2, one.digest()));
}

TEST(SharedWeights, WhoLeavesKeepsThemWhateverTheOthersDo) {
  const std::string expected = alone(3);
  const std::string initial = alone(0);
  testing::in_group(2, [&](const std::shared_ptr<Communicator>& group) {
    Worker worker(group.get(), {});
    worker.step(3);
    EXPECT_TRUE(worker.shares());
    group->barrier();
    if (group->rank() == 0) {  // while the other one still shares
      worker->leave();
      worker->engine().reset_weights();
      EXPECT_EQ(worker.digest(), initial);
    }
    group->barrier();
    if (group->rank() == 1) {
      EXPECT_TRUE(worker.shares());
      EXPECT_EQ(worker.digest(), expected);
      worker->leave();
      EXPECT_FALSE(worker.shares());
      EXPECT_EQ(worker.digest(), expected);
    }
  });
}

TEST(SharedWeights, EndWithTheGroupAndBeginWithTheNext) {
  const std::string expected = alone(5);
  testing::in_group(3, [&](const std::shared_ptr<Communicator>& group) {
    Worker worker(group.get(), {});
    worker.step(2);
    worker->leave();
    worker.enter(group.get());
    EXPECT_FALSE(worker.shares());
    worker.step(3);
    EXPECT_TRUE(worker.shares());
    EXPECT_EQ(worker.digest(), expected);
  });
}

TEST(SharedWeights, AreLeftBeforeOthersAreTakenOver) {
  const std::string expected = alone(5);
  testing::in_group(2, [&](const std::shared_ptr<Communicator>& group) {
    Worker worker(group.get(), {});
    worker.step(2);
    worker->copy_from(0, {1});
    EXPECT_FALSE(worker.shares());
    worker.step(3);
    EXPECT_TRUE(worker.shares());
    EXPECT_EQ(worker.digest(), expected);
    group->barrier();
    if (group->rank() == 0) worker->forget();
    group->barrier();
    EXPECT_EQ(worker.shares(), group->rank() == 1);
    if (group->rank() == 1) {
      EXPECT_EQ(worker.digest(), expected);
    }
    group->barrier();
    worker->forget();
    EXPECT_NE(worker.digest(), expected);
  });
}

}  // namespace strategies_shared_weights_test
}  // namespace convoy
