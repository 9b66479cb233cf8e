// Strategies other than the plain synchronous one: compressed sums of gradients, and steps of each
// worker's own between exchanges of models.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "convoy/core/error.hpp"
#include "convoy/lanes/random.hpp"
#include "core/tensor_bytes.hpp"
#include "train/trainer_impl.hpp"

namespace convoy {
namespace {

bool all_finite(std::span<const float> values) {
  return std::isfinite(sum_of_squares(values.data(), static_cast<std::int64_t>(values.size())));
}

}  // namespace

// Before the workers are known.
void Trainer::Impl::make_strategy() {
  const StrategyOptions& strategy = job_.strategy;
  own_steps_ = strategy.kind == "local_sgd" || strategy.kind == "elastic_averaging" ||
               strategy.kind == "gossip";
  require_fitting_strategy();
  // Of an elastic job the number of workers is no part of what it is.
  identity_.update(strategy_identity(strategy, options_.membership == nullptr ? workers() : 0));
  values_ = std::make_unique<TrainedValues>(*weights_);
  if (strategy.kind != "synchronous" || strategy.compression.kind == "none") return;
  sums_ = make_group_sum(strategy.compression, derive_seed(job_.seed, RandomPurpose::exchange),
                         values_->parameters(), values_->matrices());
}

void Trainer::Impl::require_fitting_strategy() const {
  if (!own_steps() || lanes_ >= workers()) return;
  throw InputError(
      fmt::format("strategy.kind: with {} every worker needs a lane of its own, and train.lanes "
                  "{} are fewer than the {} workers; raise train.lanes",
                  job_.strategy.kind, lanes_, workers()));
}

// When the workers are known, or others than before.
void Trainer::Impl::enter_strategy() {
  Communicator* const group = workers() > 1 ? options_.group.get() : nullptr;
  if (compressed() && group != nullptr) sums_->enter(*group);
  if (!own_steps()) return;
  if (!averaging_) {
    averaging_ =
        make_averaging(job_.strategy, derive_seed(job_.seed, RandomPurpose::exchange), *values_);
  }
  averaging_->enter(group, lanes_);
}

// Of the step's batch, those that this worker has seen.
std::int64_t Trainer::Impl::own_samples() const {
  const Range lanes = worker_lanes_[worker()];
  std::int64_t samples = 0;
  for (std::int64_t lane = lanes.begin; lane < lanes.end; ++lane)
    samples += static_cast<std::int64_t>(lane_results_[lane].samples.size());
  return samples;
}

// After progress_.step steps of this worker's own, the last of which has been counted.
bool Trainer::Impl::exchange_due() const {
  if (!own_steps() || met_ >= progress_.step) return false;
  return progress_.step % job_.strategy.average_every == 0 || finished();
}

// The exchange that is due. If it throws, it is still due, with whoever is left.
void Trainer::Impl::meet() {
  const auto clock = TimeUse::Clock::now();
  const std::uint64_t before = team_ ? options_.group->bytes_sent() : 0;
  std::vector<float> values(values_->size());
  values_->read(values);
  const std::int64_t number = (progress_.step - 1) / job_.strategy.average_every;
  const Wish wish = averaging_->exchange(number, values, own_wish());
  values_->write(values);
  met_ = progress_.step;
  if (failure_.empty() && !all_finite(values)) {
    failure_ = fmt::format(
        "step {}: the workers' averaged weights are not finite; lower train.optimizer.rate, or set "
        "train.clip.norm",
        progress_.step);
  }
  if (finished()) agree_on_result();
  if (team_) team_->count(options_.group->bytes_sent() - before);
  replicas_[0]->time_use().add(Activity::communicate, clock);
  change_agreed_ = wish == Wish::change;
  end_together(wish == Wish::end || finished());
}

Wish Trainer::Impl::own_wish() const {
  const bool asked = options_.stop != nullptr && options_.stop->load();
  if (asked || !failure_.empty()) return Wish::end;
  const bool change = options_.membership != nullptr && options_.membership->change_wanted();
  return change ? Wish::change : Wish::none;
}

// After the last exchange: the weights are those of all workers. To be done again by other workers
// if it throws.
void Trainer::Impl::agree_on_result() {
  std::vector<float> own(values_->size());
  values_->read(own);
  std::vector<float> model(own.size());
  averaging_->combine(own, model);
  share_counters();
  values_->write(model);
}

// If all end now, they end for the same reason.
void Trainer::Impl::end_together(bool agreed) {
  std::vector<std::string> failures{failure_};
  if (team_ && agreed) failures = options_.group->all_gather(failure_);
  for (const std::string& failure : failures) {
    if (!failure.empty() && (agreed || !team_)) throw NonFiniteError(failure);
  }
  stop_asked_ = agreed;
}

// Buffers that are not float are worker 0's.
void Trainer::Impl::share_counters() {
  if (!team_) return;
  for (const torch::Tensor& counter : counters_of(*weights_))
    options_.group->broadcast(bytes_of(counter), 0);
}

// Between exchanges: `work` sees the model that the workers' own ones stand for.
void Trainer::Impl::with_model(const std::function<void()>& work) {
  if (!own_steps() || finished()) return work();
  own_values_.resize(values_->size());
  values_->read(own_values_);
  const auto go_on = [this] {
    values_->write(own_values_);
    own_values_.clear();
  };
  try {
    std::vector<float> model(values_->size());
    averaging_->combine(own_values_, model);
    values_->write(model);
    work();
  } catch (...) {  // an elastic job may go on with other workers
    go_on();
    throw;
  }
  go_on();
}

// The next sums lack nothing.
void Trainer::Impl::forget_residuals() {
  if (!compressed()) return;
  for (const auto& [name, tensor] : sums_->state()) tensor.zero_();
  if (team_) sums_->enter(*options_.group);
}

Trainer::Impl::Json Trainer::Impl::compression_json() const {
  if (!team_ || job_.strategy.compression.kind == "none") return {};
  const double steps = static_cast<double>(std::max<std::int64_t>(1, meter_.steps));
  const GroupSum* sum = compressed() ? sums_.get() : averaging_ ? averaging_->sum() : nullptr;
  if (sum == nullptr) return {};
  return {{"kind", job_.strategy.compression.kind},
          {"whole_bytes_per_step", static_cast<double>(sum->whole_bytes()) / steps},
          {"sent_bytes_per_step", static_cast<double>(sum->bytes_sent()) / steps},
          {"coding_seconds_per_step", sum->coding_seconds() / steps}};
}

}  // namespace convoy
