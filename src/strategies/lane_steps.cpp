#include "strategies/lane_steps.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "convoy/core/error.hpp"
#include "engine/checkpoint_state.hpp"
#include "engine/model_collectives.hpp"

namespace convoy {

std::string nonfinite_advice(const NonFinite& found, std::int64_t step) {
  return describe(found, step + 1) +
         "; check these samples, lower train.optimizer.rate, set train.clip.norm, or leave such "
         "steps out with train.on_nonfinite: skip";
}

std::vector<std::int64_t> sizes_of(const std::vector<Range>& ranges) {
  std::vector<std::int64_t> sizes;
  for (const Range& range : ranges) sizes.push_back(range.size());
  return sizes;
}

LaneSteps::LaneSteps(StrategySetup setup)
    : setup_(std::move(setup)), engine_(setup_.engine), lanes_{{0, engine_.lanes()}} {
  if (setup_.trace != nullptr) engine_.trace_on(*setup_.trace);
}

void LaneSteps::add_own_sums() {
  reduction_->begin(engine_.sums());
  engine_.pool().run([this](int r) {
    const auto since = TimeUse::Clock::now();
    reduction_->add_blocks(r);
    engine_.time_use(r).add(Activity::reduce, since);
  });
}

ControlMessage LaneSteps::local_control_message() {
  reduction_->add_buffers();
  ControlMessage message;
  for (const LaneResult& lane : engine_.results()) message.losses.push_back(lane.loss);
  message.counters = engine_.counters();
  return message;
}

std::optional<UpdateContext> LaneSteps::decide(std::int64_t step, const ControlMessage& message,
                                               std::int64_t samples, double before, Peers* peers,
                                               StepOutcome& outcome) {
  if (samples == 0) return std::nullopt;  // a short batch had nothing for this worker's lanes
  // Lanes' losses are parts of the whole batch's mean.
  const double scale =
      static_cast<double>(engine_.schedule().batch_size(step)) / static_cast<double>(samples);
  const double squared_norm = reduction_->squared_norm(before);
  const double loss = tree_sum(message.losses);
  const double norm = std::sqrt(squared_norm) * scale;
  outcome.numbers = StepNumbers{loss * scale, setup_.rules.rate(step), norm};
  if (!std::isfinite(loss) || !std::isfinite(squared_norm)) {
    outcome.skipped = engine_.find_nonfinite(step, peers);
    return std::nullopt;
  }
  const ClipOptions& clip = setup_.rules.clip;
  const bool clipped = clip.norm > 0 && norm > clip.norm;
  UpdateContext context;
  context.step = counts_.updates;
  context.rate = outcome.numbers->rate;
  context.gradient_scale = static_cast<float>(clipped ? scale * (clip.norm / norm) : scale);
  context.clip_value = static_cast<float>(clip.value);
  return context;
}

void LaneSteps::update_blocks(const UpdateContext& context) {
  std::vector<Element*> states;
  for (const torch::Tensor& state : states_) states.push_back(engine_.device().data(state));
  engine_.pool().run([&](int r) {
    const auto clock = TimeUse::Clock::now();
    reduction_->update_blocks(r, engine_.weights().data(), states, engine_.optimizer(), context);
    engine_.time_use(r).add(Activity::update, clock);
  });
}

void LaneSteps::publish_buffers(const ControlMessage& message, std::int64_t samples) {
  if (engine_.weights().buffers().empty()) return;
  const torch::NoGradGuard no_grad;
  std::size_t next_value = 0;
  std::size_t next_counter = 0;
  for (auto& [name, tensor] : engine_.weights().buffers()) {
    if (!tensor.is_floating_point()) {
      tensor.copy_(message.counters[next_counter++]);
      continue;
    }
    std::vector<double> mean(static_cast<std::size_t>(tensor.numel()));
    for (double& value : mean) value = message.buffers[next_value++] / static_cast<double>(samples);
    tensor.copy_(torch::tensor(mean, torch::kDouble).view(tensor.sizes()));
  }
}

void LaneSteps::reset_states() {
  const Compute& device = engine_.device();
  for (const torch::Tensor& state : states_) device.set_zero(device.data(state), state.numel());
}

void LaneSteps::write_weights(StateWriter& writer, const std::vector<torch::Tensor>& states) const {
  writer.whole = capture_state(engine_.weights(), states, writer.step);
}

std::int64_t LaneSteps::state_bytes() const {
  std::int64_t bytes = 0;
  for (const torch::Tensor& state : states_) bytes += static_cast<std::int64_t>(state.nbytes());
  return bytes;
}

nlohmann::ordered_json LaneSteps::balance_report(const std::vector<double>& seconds,
                                                 const std::vector<std::int64_t>& lanes) {
  double sum = 0;
  double longest = 0;
  for (const double value : seconds) {
    sum += value;
    longest = std::max(longest, value);
  }
  if (sum <= 0) return {};
  Json lane_seconds = Json::array();
  for (std::size_t k = 0; k < seconds.size(); ++k)
    lane_seconds.push_back(lanes[k] == 0 ? 0.0 : seconds[k] / static_cast<double>(lanes[k]));
  return {{"imbalance", longest * static_cast<double>(seconds.size()) / sum},
          {"lanes", lanes},
          {"lane_seconds", lane_seconds}};
}

Inference LaneSteps::infer(const Dataset& dataset, std::int64_t batch) {
  const Inference own = engine_.infer(dataset, batch, worker(), workers());
  return group_ == nullptr ? own : gather_inference(*group_, own);
}

StrategyResult LaneSteps::result() {
  engine_.sync_networks(/*training=*/false);
  StrategyResult result{engine_.replica(0).network().module, engine_.weights().sha256()};
  if (group_ != nullptr) require_equal_weights(result.weights_sha256);
  return result;
}

void LaneSteps::require_equal_weights(const std::string& sha256) {
  const std::vector<std::string> all = group_->all_gather(sha256);
  for (std::size_t w = 1; w < all.size(); ++w) {
    if (all[w] != all[0])
      throw PeerError(static_cast<int>(w),
                      fmt::format("worker {} ended with other weights than worker 0: {} there, "
                                  "{} here; a memory or network fault, or a model that is not "
                                  "deterministic",
                                  w, all[w], all[0]));
  }
}

}  // namespace convoy
