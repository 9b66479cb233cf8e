#pragma once
// What strategies have in common whose workers compute lanes: from the gradient to the update.
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "engine/control_message.hpp"
#include "engine/reduction.hpp"
#include "strategies/setup.hpp"

namespace convoy {

class LaneSteps : public Strategy {
 public:
  StepCounts counts() const override { return counts_; }
  void set_counts(const StepCounts& counts) override { counts_ = counts; }
  Inference infer(const Dataset& dataset, std::int64_t batch) override;
  StrategyResult result() override;
  Engine& engine() override { return engine_; }
  std::int64_t parameters() const override { return engine_.weights().parameter_count(); }

 protected:
  using Json = nlohmann::ordered_json;

  explicit LaneSteps(StrategySetup setup);

  int worker() const { return group_ == nullptr ? 0 : group_->rank(); }
  int workers() const { return group_ == nullptr ? 1 : group_->size(); }
  Range own_lanes() const { return lanes_[static_cast<std::size_t>(worker())]; }
  bool is_last(std::int64_t step) const { return step + 1 == setup_.rules.steps; }

  /// The worker's own sums of all blocks.
  void add_own_sums();
  /// From the step's sums to what is done with them: nothing for a step that is left out.
  /// `samples`: of the sums. `before`: squares of a gradient's norm beside the blocks'. `peers`:
  /// those who look for what is not finite together.
  std::optional<UpdateContext> decide(std::int64_t step, const ControlMessage& message,
                                      std::int64_t samples, double before, Peers* peers,
                                      StepOutcome& outcome);
  /// The blocks that this worker updates.
  void update_blocks(const UpdateContext& context);
  /// Running statistics become the mean over lanes, weighed by samples; counters are those of the
  /// first lane that had samples.
  void publish_buffers(const ControlMessage& message, std::int64_t samples);
  /// What this worker knows of a step by itself.
  ControlMessage local_control_message();

  void reset_states();
  void write_weights(StateWriter& writer, const std::vector<torch::Tensor>& states) const;
  /// Lanes that this worker has; with `lane_seconds` by whoever owns them.
  static Json balance_report(const std::vector<double>& seconds,
                             const std::vector<std::int64_t>& lanes);
  std::int64_t state_bytes() const;
  void require_equal_weights(const std::string& sha256);

  StrategySetup setup_;
  Engine engine_;
  Communicator* group_ = nullptr;
  std::vector<Range> lanes_;  // by worker
  std::unique_ptr<Reduction> reduction_;
  std::vector<torch::Tensor> states_;  // the optimizer's, of the blocks that this worker updates
  StepCounts counts_;
};

std::vector<std::int64_t> sizes_of(const std::vector<Range>& ranges);

}  // namespace convoy
