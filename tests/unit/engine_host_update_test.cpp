// An update that the workers of a host share: whoever is lost in it, at whatever instant, the
// others end with the bits of the undisturbed one.
#include <gtest/gtest.h>
#include <torch/nn/module.h>

#include <algorithm>
#include <latch>
#include <thread>

#include "convoy/comm/group.hpp"
#include "convoy/core/error.hpp"
#include "convoy/optim/optimizer.hpp"
#include "engine/flat_parameters.hpp"
#include "engine/host_update.hpp"

namespace convoy {
namespace engine_host_update_test {

using namespace std::chrono_literals;
using Moment = HostUpdate::Moment;

struct Lost {};

// Four blocks and a small one, then two and a small one.
struct Layers : torch::nn::Module {
  Layers() {
    const torch::NoGradGuard no_grad;
    int number = 0;
    for (const auto& [inputs, outputs] : {std::pair{200, 150}, std::pair{150, 60}}) {
      const torch::Tensor weight = torch::arange(inputs * outputs).remainder(17) * 0.01F;
      register_parameter("weight" + std::to_string(number),
                         weight.to(torch::kFloat).view({outputs, inputs}));
      register_parameter("bias" + std::to_string(number++), torch::full({outputs}, 0.5F));
    }
  }
};

OptimizerOptions optimizer_options(const std::string& kind) {
  OptimizerOptions options;
  options.kind = kind == "plain" ? "sgd" : kind;
  options.rate = 0.05;
  if (options.kind == "sgd") {
    options.own = SgdOptions{.momentum = kind == "sgd" ? 0.9 : 0, .weight_decay = 0.01};
  } else {
    options.own = AdamOptions{.weight_decay = 0.01};
  }
  return options;
}

// What one worker has, and how it goes on.
struct Trained {
  explicit Trained(const std::string& kind) : optimizer(make_optimizer(optimizer_options(kind))) {
    for (int k = 0; k < optimizer->states(); ++k) states.push_back(torch::zeros({weights.size()}));
  }

  static UpdateContext context(std::int64_t step) {
    return {.step = step, .rate = 0.05 / (1.0 + 0.1 * static_cast<double>(step))};
  }
  static float gradient(std::int64_t step, std::int64_t element) {
    return static_cast<float>((element * 7 + step * 13) % 23 - 11) * 0.03F;
  }

  // Alone, in place.
  void update(std::int64_t step) {
    std::vector<float> sums(static_cast<std::size_t>(weights.size()));
    for (std::size_t i = 0; i < sums.size(); ++i)
      sums[i] = gradient(step, static_cast<std::int64_t>(i));
    for (const Block& block : make_blocks(weights, 1, StateLayout::replicated)) {
      std::vector<float*> at;
      for (const torch::Tensor& state : states)
        at.push_back(state.data_ptr<float>() + block.flat_begin);
      optimizer->update(weights.data() + block.flat_begin, sums.data() + block.flat_begin, at,
                        block.count, context(step));
    }
  }

  bool operator==(const Trained& other) const {
    if (!std::equal(weights.data(), weights.data() + weights.size(), other.weights.data()))
      return false;
    for (std::size_t k = 0; k < states.size(); ++k)
      if (!torch::equal(states[k], other.states[k])) return false;
    return states.size() == other.states.size();
  }

  Layers layers;
  FlatParameters weights{layers};
  std::unique_ptr<Optimizer> optimizer;
  std::vector<torch::Tensor> states;
};

Trained reference(const std::string& kind, std::int64_t steps) {
  Trained trained(kind);
  for (std::int64_t step = 0; step < steps; ++step) trained.update(step);
  return trained;
}

// When worker 0 is lost: in step `step`, when it has come to `moment` `after` times.
struct Fate {
  std::int64_t step = -1;
  Moment moment = Moment::agreed;
  int after = 0;
  bool comes_back = false;  // it was only stopped, and goes on once the others have ended
};

class Host {
 public:
  Host(std::string kind, int workers, Fate fate, std::vector<int> hosts = {})
      : kind_(std::move(kind)),
        fate_(fate),
        group_(make_thread_group(workers, 20s, std::move(hosts))),
        others_ended_(workers - 1) {
    for (int w = 0; w < workers; ++w) workers_.push_back({std::make_unique<Trained>(kind_)});
  }

  void run(std::int64_t steps, int replicas = 1) {
    std::vector<std::thread> threads;
    for (std::size_t w = 0; w < workers_.size(); ++w) {
      threads.emplace_back([this, w, steps, replicas] {
        try {
          train(static_cast<int>(w), steps, replicas);
        } catch (const Lost&) {
        } catch (const PeerError&) {
        }
        if (w > 0) others_ended_.count_down();
      });
    }
    for (std::thread& thread : threads) thread.join();
  }

  // Worker 0, the others: each has the state of the step that it came to, one of `steps`.
  void expect_first(std::initializer_list<std::int64_t> steps) const { expect(0, 1, steps); }
  void expect_others(std::initializer_list<std::int64_t> steps) const {
    expect(1, workers_.size(), steps);
  }

 private:
  void expect(std::size_t begin, std::size_t end, std::initializer_list<std::int64_t> steps) const {
    for (std::size_t w = begin; w < end; ++w) {
      const Worker& worker = workers_[w];
      EXPECT_NE(std::find(steps.begin(), steps.end(), worker.step), steps.end())
          << "worker " << w << " came to " << worker.step;
      EXPECT_TRUE(*worker.trained == reference(kind_, worker.step)) << "worker " << w;
    }
  }

  struct Worker {
    std::unique_ptr<Trained> trained;
    std::int64_t step = 0;
  };

  // By block: on each host one worker after the other.
  std::vector<int> holders(int rank, const std::vector<Block>& blocks) const {
    const Range own = local_ranks(*group_[rank]);
    std::vector<int> dealt = deal_blocks(blocks, static_cast<int>(own.size()));
    for (int& holder : dealt) holder += static_cast<int>(own.begin);
    return dealt;
  }

  void meet_fate(std::int64_t step, Moment moment, int& count) {
    if (step != fate_.step || moment != fate_.moment || count++ != fate_.after) return;
    for (const auto& communicator : group_) communicator->abort();  // as who sees it does
    if (!fate_.comes_back) throw Lost();
    others_ended_.wait();
  }

  void train(int rank, std::int64_t steps, int replicas) {
    Worker& worker = workers_[rank];
    Trained& trained = *worker.trained;
    Communicator& group = *group_[rank];
    const std::vector<Block> blocks = make_blocks(trained.weights, 1, StateLayout::replicated);
    const std::vector<int> held = holders(rank, blocks);
    int count = 0;
    std::int64_t step = 0;
    HostUpdate::Options options{blocks, trained.weights.size(), held, replicas, {}};
    if (rank == 0) options.at = [&](Moment moment) { meet_fate(step, moment, count); };
    const auto shared = HostUpdate::make(group, options, trained.states);
    ASSERT_NE(shared, nullptr);
    try {
      for (; step < steps; ++step) {
        for (std::size_t b = 0; b < blocks.size(); ++b) {
          const Block& block = blocks[b];
          for (std::int64_t i = 0; held[b] == rank && i < block.count; ++i)
            shared->sums()[block.flat_begin + i] = Trained::gradient(step, block.flat_begin + i);
        }
        group.barrier();  // the control message
        update(*shared, trained, step, replicas);
        worker.step = step + 1;
        if (shared->failure()) break;
      }
    } catch (const PeerError&) {  // before the control message was there
    }
    trained.states = shared->states();
  }

  static void update(HostUpdate& shared, Trained& trained, std::int64_t step, int replicas) {
    float* const weights = trained.weights.data();
    const UpdateContext context = Trained::context(step);
    bool together = shared.begin();
    if (together) {
      for (int r = 0; r < replicas; ++r) shared.update(r, weights, *trained.optimizer, context);
      together = shared.end(weights);
    }
    if (!together) shared.finish_alone(weights, *trained.optimizer, context);
  }

  std::string kind_;
  Fate fate_;
  std::vector<std::shared_ptr<Communicator>> group_;
  std::vector<Worker> workers_;
  std::latch others_ended_;
};

TEST(HostUpdate, GivesTheBitsOfALoneWorker) {
  for (const char* kind : {"plain", "sgd", "adamw"}) {
    for (const int workers : {1, 2, 3}) {
      for (const int replicas : {1, 2}) {
        SCOPED_TRACE(std::string(kind) + ", workers: " + std::to_string(workers));
        Host host(kind, workers, {});
        host.run(5, replicas);
        host.expect_first({5});
        host.expect_others({5});
      }
    }
  }
}

TEST(HostUpdate, OnSeveralHostsEachHasAWholeState) {
  Host hosts("adamw", 5, {}, {0, 0, 1, 2, 2});
  hosts.run(4);
  hosts.expect_first({4});
  hosts.expect_others({4});
}

// In steps that move the states down, and up; in the first, a middle and the last block.
TEST(HostUpdate, WhoeverIsLostTheOthersCompleteTheStep) {
  for (const char* kind : {"plain", "sgd", "adamw"}) {
    for (const int workers : {2, 3}) {
      for (const std::int64_t step : {0, 1}) {
        for (const Fate& fate :
             {Fate{step, Moment::torn, 0}, Fate{step, Moment::torn, 1}, Fate{step, Moment::done, 0},
              Fate{step, Moment::done, 1}, Fate{step, Moment::all_done, 0}}) {
          SCOPED_TRACE(std::string(kind) + ", workers: " + std::to_string(workers) + ", step " +
                       std::to_string(step) + ", moment " +
                       std::to_string(static_cast<int>(fate.moment)));
          Host host(kind, workers, fate);
          host.run(4);
          host.expect_others({step + 1});  // it has begun, so all had committed
        }
      }
    }
  }
}

// The others may have the control message, or not.
TEST(HostUpdate, WhoIsLostBeforeItSaysThatItHasTheMessageHasChangedNothing) {
  for (const char* kind : {"plain", "sgd", "adamw"}) {
    for (const int workers : {2, 3}) {
      for (const std::int64_t step : {0, 1}) {
        Host host(kind, workers, {step, Moment::agreed, 0});
        host.run(4);
        host.expect_others({step, step + 1});
      }
    }
  }
}

// It was stopped, declared lost, and goes on writing when the others have left.
TEST(HostUpdate, WhoComesBackDoesNoHarm) {
  for (const Moment moment : {Moment::agreed, Moment::torn, Moment::done, Moment::all_done}) {
    for (const std::int64_t step : {2, 3}) {
      Host host("adamw", 3, {step, moment, 0, true});
      host.run(4);
      host.expect_others({step, step + 1});
      host.expect_first({step + 1});
    }
  }
}

}  // namespace engine_host_update_test
}  // namespace convoy
