// One step: compute, reduce, update, commit (docs/design.md, "A step").
#include <fmt/format.h>

#include <cmath>

#include "convoy/core/error.hpp"
#include "train/trainer_impl.hpp"

namespace convoy {

void Trainer::Impl::step() {
  const auto begin = TimeUse::Clock::now();
  pool_.run([this](int r) { replicas_[r]->compute(progress_.step, lane_results_); });
  const std::vector<PartialSum*> sums = gather_sums();
  reduction_->begin(sums);
  add_buffers(sums);
  pool_.run([this](int r) {
    const auto clock = TimeUse::Clock::now();
    reduction_->add_blocks(r);
    replicas_[r]->time_use().add(Activity::reduce, clock);
  });

  std::vector<double> losses;
  for (const LaneResult& lane : lane_results_) losses.push_back(lane.loss);
  last_loss_ = tree_sum(losses);
  const double squared_norm = reduction_->squared_norm();
  if (std::isfinite(last_loss_) && std::isfinite(squared_norm)) {
    apply_update(squared_norm);
    publish_buffers(static_cast<double>(schedule_.batch_size(progress_.step)));
  } else {
    handle_nonfinite();
  }

  meter_.samples += schedule_.batch_size(progress_.step);
  meter_.seconds += std::chrono::duration<double>(TimeUse::Clock::now() - begin).count();
  ++meter_.steps;
  ++progress_.step;
}

std::vector<PartialSum*> Trainer::Impl::gather_sums() {
  std::vector<PartialSum*> sums;
  for (auto& replica : replicas_) {
    for (PartialSum& sum : replica->sums()) sums.push_back(&sum);
  }
  return sums;
}

void Trainer::Impl::add_buffers(const std::vector<PartialSum*>& sums) {
  if (weights_->buffers().empty()) return;
  for (const Addition& add : reduction_->planned()) {
    std::vector<double>& into = sums[add.into]->buffers;
    const std::vector<double>& from = sums[add.from]->buffers;
    for (std::size_t i = 0; i < into.size(); ++i) into[i] += from[i];
  }
}

// Running statistics become the mean over lanes, weighed by samples; counters are lane 0's.
void Trainer::Impl::publish_buffers(double samples) {
  if (weights_->buffers().empty()) return;
  const torch::NoGradGuard no_grad;
  const std::vector<double>& values = replicas_[0]->sums()[0].buffers;
  const std::vector<torch::Tensor>& counters = replicas_[0]->lane0_counters();
  std::size_t next_value = 0;
  std::size_t next_counter = 0;
  for (auto& [name, tensor] : weights_->buffers()) {
    if (!tensor.is_floating_point()) {
      tensor.copy_(counters[next_counter++]);
      continue;
    }
    std::vector<double> mean(static_cast<std::size_t>(tensor.numel()));
    for (double& value : mean) value = values[next_value++] / samples;
    tensor.copy_(torch::tensor(mean, torch::kDouble).view(tensor.sizes()));
  }
}

void Trainer::Impl::apply_update(double squared_norm) {
  const double norm = std::sqrt(squared_norm);
  const ClipOptions& clip = job_.train.clip;
  UpdateContext context;
  context.step = progress_.updates;
  context.rate = scheduled_rate(job_.train.schedule, job_.train.optimizer.rate, progress_.step,
                                total_steps_, schedule_.steps_per_epoch());
  if (clip.norm > 0 && norm > clip.norm)
    context.gradient_scale = static_cast<float>(clip.norm / norm);
  context.clip_value = static_cast<float>(clip.value);
  last_norm_ = norm;
  last_rate_ = context.rate;
  std::vector<float*> states;
  for (const torch::Tensor& state : states_) states.push_back(state.data_ptr<float>());
  pool_.run([&](int r) {
    const auto clock = TimeUse::Clock::now();
    reduction_->update_blocks(r, weights_->data(), states, *optimizer_, context);
    replicas_[r]->time_use().add(Activity::update, clock);
  });
  ++progress_.updates;
}

void Trainer::Impl::handle_nonfinite() {
  const NonFinite found = find_nonfinite(*replicas_[0], shared_, progress_.step);
  const std::string text = describe(found, progress_.step + 1);
  if (job_.train.on_nonfinite != "skip") {
    throw NonFiniteError(
        text +
        "; check these samples, lower train.optimizer.rate, set train.clip.norm, or leave such "
        "steps out with train.on_nonfinite: skip");
  }
  ++progress_.skipped;
  Json skipped = event("skipped");
  skipped["step"] = progress_.step + 1;
  skipped["reason"] = found.what;
  skipped["lane"] = found.lane;
  skipped["samples"] = found.samples;
  emit(skipped);
}

}  // namespace convoy
