// One step: compute, reduce, update, commit (docs/design.md, "A step").
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "convoy/core/error.hpp"
#include "train/trainer_impl.hpp"

namespace convoy {

void Trainer::Impl::step() {
  const auto begin = TimeUse::Clock::now();
  StepNews news;
  // Of workers that take steps of their own some may have no lanes.
  if (!own_steps() || worker_lanes_[worker()].size() > 0) news = update();
  meter_.samples += schedule_.batch_size(progress_.step);
  ++meter_.steps;
  ++progress_.step;
  if (exchange_due()) meet();
  const bool tuned = team_ && team_->end_step();

  last_seconds_ = std::chrono::duration<double>(TimeUse::Clock::now() - begin).count();
  meter_.seconds += last_seconds_;
  flip_if_planned();
  throw_if_broken();
  if (tuned) emit_tuned();
  balance(news);
}

// The weights after it are those of the step.
StepNews Trainer::Impl::update() {
  compute();
  StepNews news = exchange_news();
  last_loss_ = tree_sum(news.losses);
  const double squared_norm = reduction_->squared_norm();
  const std::int64_t samples = own_steps() ? own_samples() : schedule_.batch_size(progress_.step);
  const double scale = static_cast<double>(schedule_.batch_size(progress_.step)) /
                       static_cast<double>(samples);  // lanes' losses are parts of the batch's mean
  if (samples == 0) {
    // A short batch had nothing for this worker's lanes.
  } else if (std::isfinite(last_loss_) && std::isfinite(squared_norm)) {
    last_loss_ *= scale;
    apply_update(squared_norm, scale);
    publish_buffers(news, static_cast<double>(samples));
  } else {
    handle_nonfinite();
  }
  return news;
}

// Every lane's gradient, and the sums of the blocks that are this worker's.
void Trainer::Impl::compute() {
  tell_progress(WorkerActivity::computing);
  TrainingGroup* const team = step_team();
  GradientSink* sink = team != nullptr ? team->start_step(progress_.step) : nullptr;
  try {
    replica_seconds_.assign(replicas_.size(), 0);
    pool_.run([&](int r) {
      const auto begin = TimeUse::Clock::now();
      replicas_[r]->compute(progress_.step, lane_results_, sink);
      replica_seconds_[static_cast<std::size_t>(r)] =
          std::chrono::duration<double>(TimeUse::Clock::now() - begin).count();
    });
  } catch (...) {
    if (sink != nullptr) team->cancel_step();
    throw;
  }
  auto clock = TimeUse::Clock::now();
  if (sink == nullptr) {
    reduction_->begin(gather_sums());
    pool_.run([this](int r) {
      const auto since = TimeUse::Clock::now();
      reduction_->add_blocks(r);
      replicas_[r]->time_use().add(Activity::reduce, since);
    });
    clock = TimeUse::Clock::now();
  }
  tell_progress(WorkerActivity::communicating);
  if (team == nullptr) return;
  team->reduce();
  if (options_.membership != nullptr && !compressed()) team->share_sums();
  replicas_[0]->time_use().add(Activity::communicate, clock);
}

std::vector<PartialSum*> Trainer::Impl::gather_sums() {
  std::vector<PartialSum*> sums;
  for (auto& replica : replicas_) {
    for (PartialSum& sum : replica->sums()) sums.push_back(&sum);
  }
  return sums;
}

StepNews Trainer::Impl::exchange_news() {
  reduction_->add_buffers();
  StepNews news;
  for (const LaneResult& lane : lane_results_) news.losses.push_back(lane.loss);
  for (const auto& replica : replicas_) {
    if (news.counters.empty()) news.counters = replica->counters();
  }
  if (step_team() == nullptr) {
    news.buffers = reduction_->roots()[0]->buffers;
    // With others, what they wish goes with the exchanges of models.
    change_agreed_ =
        !team_ && options_.membership != nullptr && options_.membership->change_wanted();
    return news;
  }
  const auto clock = TimeUse::Clock::now();
  news.seconds = last_seconds_;
  news.stop = options_.stop != nullptr && options_.stop->load();
  news.compute_seconds.assign(static_cast<std::size_t>(workers()), 0);
  news.replicas.assign(static_cast<std::size_t>(workers()), pool_.size());
  news.compute_seconds[static_cast<std::size_t>(worker())] =
      *std::max_element(replica_seconds_.begin(), replica_seconds_.end());
  news.change = options_.membership != nullptr && options_.membership->change_wanted();
  team_->exchange_news(news);
  stop_asked_ = news.stop;
  change_agreed_ = news.change;
  worker_seconds_ = news.compute_seconds;
  replicas_[0]->time_use().add(Activity::communicate, clock);
  return news;
}

// Running statistics become the mean over lanes, weighed by samples; counters are those of the
// first lane that had samples.
void Trainer::Impl::publish_buffers(const StepNews& news, double samples) {
  if (weights_->buffers().empty()) return;
  const torch::NoGradGuard no_grad;
  std::size_t next_value = 0;
  std::size_t next_counter = 0;
  for (auto& [name, tensor] : weights_->buffers()) {
    if (!tensor.is_floating_point()) {
      tensor.copy_(news.counters[next_counter++]);
      continue;
    }
    std::vector<double> mean(static_cast<std::size_t>(tensor.numel()));
    for (double& value : mean) value = news.buffers[next_value++] / samples;
    tensor.copy_(torch::tensor(mean, torch::kDouble).view(tensor.sizes()));
  }
}

// `scale`: of the sums of gradients to the mean over their samples.
void Trainer::Impl::apply_update(double squared_norm, double scale) {
  const double norm = std::sqrt(squared_norm) * scale;
  const ClipOptions& clip = job_.train.clip;
  UpdateContext context;
  context.step = progress_.updates;
  context.rate = scheduled_rate(job_.train.schedule, job_.train.optimizer.rate, progress_.step,
                                total_steps_, schedule_.steps_per_epoch());
  const bool clipped = clip.norm > 0 && norm > clip.norm;
  context.gradient_scale = static_cast<float>(clipped ? scale * (clip.norm / norm) : scale);
  context.clip_value = static_cast<float>(clip.value);
  last_norm_ = norm;
  last_rate_ = context.rate;
  if (sharing_) {
    update_together(context);
    ++progress_.updates;
    return;
  }
  std::vector<float*> states;
  for (const torch::Tensor& state : states_) states.push_back(state.data_ptr<float>());
  pool_.run([&](int r) {
    const auto clock = TimeUse::Clock::now();
    reduction_->update_blocks(r, weights_->data(), states, *optimizer_, context);
    replicas_[r]->time_use().add(Activity::update, clock);
  });
  ++progress_.updates;
  if (compressed() && team_) sums_->commit();
  if (!team_ || replicated()) return;
  const auto clock = TimeUse::Clock::now();
  team_->publish();
  replicas_[0]->time_use().add(Activity::communicate, clock);
}

void Trainer::Impl::handle_nonfinite() {
  const NonFinite found =
      find_nonfinite(*replicas_[0], shared_, progress_.step, worker_lanes_[worker()],
                     own_steps() ? nullptr : options_.group.get());
  if (own_steps() && team_ && job_.train.on_nonfinite != "skip") {
    // The others hear of it at the next exchange.
    if (failure_.empty()) failure_ = describe(found, progress_.step + 1);
    return;
  }
  tell_nonfinite(found);
}

void Trainer::Impl::tell_nonfinite(const NonFinite& found) {
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
