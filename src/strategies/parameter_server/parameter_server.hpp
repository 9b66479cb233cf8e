#pragma once
// The weights are on servers (docs/design/parameter-server.md): every replica is a worker
// with a copy of its own, which it pulls; it pushes gradients, and the servers run the optimizer.
#include <atomic>
#include <map>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include "server/local.hpp"
#include "strategies/parameter_server/server_worker.hpp"

namespace convoy {

/// Of one process: its first replica's steps are this strategy's, the others run on threads of
/// their own from the first step on.
class ParameterServer final : public Strategy {
 public:
  explicit ParameterServer(StrategySetup setup);
  ~ParameterServer() override;

  const StrategyTraits& traits() const override;
  void enter(Communicator* group, const std::vector<Range>& lanes) override;
  void leave() override;
  StepOutcome step(std::int64_t n) override;
  void with_model(const std::function<void()>& work) override;
  void save(StateWriter& writer) override;
  void load(StateReader* reader) override;
  void copy_from(int source, const std::vector<int>& takers) override;
  void forget() override;
  StepCounts counts() const override { return counts_; }
  void set_counts(const StepCounts& counts) override { counts_ = counts; }
  void start_at(std::int64_t step, std::int64_t agreed) override;
  std::optional<StepNumbers> numbers_of(std::int64_t step) const override;
  Inference infer(const Dataset& dataset, std::int64_t batch) override;
  StrategyResult result() override;
  nlohmann::ordered_json report() const override;
  Engine& engine() override { return engine_; }
  std::int64_t parameters() const override { return engine_.weights().parameter_count(); }

 private:
  using Json = nlohmann::ordered_json;

  bool together() const { return own_.consistency == "bsp"; }
  ServerWorker& first() { return *workers_[0]; }
  void make_workers();
  void start_others();
  void serve(ServerWorker& worker);
  void take_pending(StepOutcome& outcome);
  void take_next(std::int64_t n, StepOutcome& outcome);
  StepOutcome next_step(std::int64_t n);
  void guarded(const std::function<void()>& work);
  void fail(std::exception_ptr failure, bool consequence);
  bool failed();
  void join();
  void count_time();
  void copy_weights();
  void collect_report();

  StrategySetup setup_;
  ParameterServerOptions own_;
  StrategyTraits traits_;
  Engine engine_;                                // evaluates
  std::unique_ptr<server::LocalServers> local_;  // null: processes
  std::vector<std::unique_ptr<ServerWorker>> workers_;
  std::vector<torch::Tensor> restored_;  // the optimizer's states, laid out as the weights
  std::optional<ServerTurn> pending_;    // of the first worker: to be taken
  StepCounts counts_;
  std::map<std::int64_t, StepNumbers> recent_;  // bsp: of the last steps
  TimeUse counted_;                             // of the first worker, as it was last looked at
  bool entered_ = false;
  bool ended_ = false;  // there is no more to do
  Json server_report_;

  std::atomic<bool> left_{false};  // this process leaves the others
  std::mutex mutex_;
  std::exception_ptr error_;
  bool is_consequence_ = false;  // that error: another one may be its cause
  std::vector<std::thread> threads_;
};

}  // namespace convoy
