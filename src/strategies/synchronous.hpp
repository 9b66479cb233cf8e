#pragma once
// All workers take each step together, with the same weights (docs/design/step.md).
//
// In a fixed group each worker keeps the optimizer's state of its own blocks (ZeRO stage 1) and
// publishes their new weights. In an elastic one all of it is on every host, so that any worker can
// be lost; the workers of a host share the update (engine's HostUpdate) where they can.
#include <memory>
#include <optional>
#include <vector>

#include "convoy/lanes/balance.hpp"
#include "engine/host_update.hpp"
#include "engine/training_group.hpp"
#include "strategies/lane_steps.hpp"

namespace convoy {

/// Parameters beside the engine's weights: what is done about them in every step.
class StepExtension {
 public:
  virtual ~StepExtension() = default;
  /// Before the replicas compute: `lanes` by worker. Collective.
  virtual void before_compute(const std::vector<Range>& lanes) = 0;
  /// When all sums are reduced. Collective; returns the payload bytes that this worker has sent.
  virtual std::uint64_t after_reduce() = 0;
  /// Of the gradient. Collective.
  virtual double squared_norm() = 0;
  /// Communicates nothing.
  virtual void update(const Optimizer& optimizer, const UpdateContext& context) = 0;
};

class Synchronous : public LaneSteps {
 public:
  explicit Synchronous(StrategySetup setup);

  const StrategyTraits& traits() const override;
  void enter(Communicator* group, const std::vector<Range>& lanes) override;
  void leave() override;
  StepOutcome step(std::int64_t n) override;
  bool has_parts() const override { return group_ != nullptr && !setup_.elastic; }
  void save(StateWriter& writer) override;
  void load(StateReader* reader) override;
  void copy_from(int source, const std::vector<int>& takers) override;
  void forget() override;
  std::string digest() const override;
  Json report() const override;

  /// Before the first step; must outlive it.
  void extend(StepExtension& extension) { extension_ = &extension; }

 protected:
  /// Everybody has the whole optimizer state, or its host does, and weights do not travel.
  virtual bool replicated() const { return setup_.elastic; }
  /// How gradients are added up instead of block by block; null: they travel whole.
  virtual GroupSum* compressed() const { return nullptr; }
  /// After the update.
  virtual void committed() {}

  void restore_whole(StateReader* reader);

 private:
  void build_reduction();
  void start_worker_balancing(const std::vector<int>& parallel);
  void compute(std::int64_t n);
  void reduce(bool streamed);
  ControlMessage exchange_control_message();
  void apply(const UpdateContext& context, const ControlMessage& message, std::int64_t samples,
             StepOutcome& outcome);
  void update_and_publish(const UpdateContext& context);
  void update_on_host(const UpdateContext& context, StepOutcome& outcome);
  void move_lanes(const ControlMessage& message, StepOutcome& outcome);
  bool can_update_on_host() const;
  void share_weights();
  void separate_weights();
  void start_host_update(std::int64_t n);
  void stop_host_update();
  Json tuned_report() const;

  StepExtension* extension_ = nullptr;
  std::vector<torch::Tensor> next_states_;         // memory for them after the step
  std::unique_ptr<TrainingGroup> training_group_;  // null: the only worker
  std::unique_ptr<HostUpdate> host_update_;        // while it is not null states_ are there
  bool try_host_update_ = false;                   // this generation has not tried yet
  bool try_shared_weights_ = false;                // the same
  std::int64_t step_ = 0;                          // the one under way
  std::optional<LaneBalancer> worker_balancer_;
  bool parallel_known_ = false;         // of the workers there are
  std::vector<double> worker_seconds_;  // of the last step's slowest replica, by worker
  double last_seconds_ = 0;             // of the step before
};

}  // namespace convoy
