#pragma once
// Each worker takes steps of its own, with its lanes of every global batch; the workers' models
// come together after every `average_every` of them (convoy/strategies/model_exchange.hpp).
#include <memory>
#include <string>
#include <vector>

#include "convoy/strategies/model_exchange.hpp"
#include "engine/model_vector.hpp"
#include "engine/step_bytes.hpp"
#include "strategies/lane_steps.hpp"
#include "strategies/worker_state.hpp"

namespace convoy {

class LocalSteps final : public LaneSteps {
 public:
  LocalSteps(StrategySetup setup, const StrategyTraits& traits, std::int64_t average_every,
             ModelExchangeFactory make_exchange);

  const StrategyTraits& traits() const override { return traits_; }
  void enter(Communicator* group, const std::vector<Range>& lanes) override;
  void leave() override;
  StepOutcome step(std::int64_t n) override;
  void with_model(const std::function<void()>& work) override;
  bool has_parts() const override { return group_ != nullptr && !setup_.elastic; }
  void save(StateWriter& writer) override;
  void load(StateReader* reader) override;
  void copy_from(int source, const std::vector<int>& takers) override;
  void forget() override;
  std::int64_t agreed(std::int64_t /*step*/) const override { return last_exchange_; }
  bool keeps_own(std::int64_t mine, std::int64_t furthest, bool finished) const override;
  void start_at(std::int64_t step, std::int64_t agreed) override;
  Json report() const override;

 private:
  class Undo;

  bool is_due(std::int64_t n) const;
  bool is_over() const { return completed_ == setup_.rules.steps; }
  void update(std::int64_t n, StepOutcome& outcome);
  void exchange(std::int64_t n, StepOutcome& outcome);
  Request own_request() const;
  void agree_on_result();
  void end_together(bool agreed);
  void share_counters();
  WorkerState worker_state() const;
  void set_worker_state(const WorkerState& state);

  StrategyTraits traits_;
  std::int64_t average_every_;
  ModelExchangeFactory make_exchange_;
  ModelVector values_;
  std::unique_ptr<ModelExchange> exchange_;
  std::unique_ptr<StepBytes> bytes_;  // null: alone
  std::vector<float> local_values_;   // while the weights are those of all workers
  std::int64_t last_exchange_ = 0;    // the step of the last exchange
  std::int64_t completed_ = 0;        // steps
  std::string failure_;               // why this worker cannot go on: the others hear of it
  std::int64_t steps_ = 0;            // of this process
};

}  // namespace convoy
