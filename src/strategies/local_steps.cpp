#include "strategies/local_steps.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "compute/host_tensor.hpp"
#include "compute/kernels.hpp"
#include "convoy/core/error.hpp"
#include "convoy/lanes/random.hpp"
#include "engine/checkpoint_state.hpp"
#include "engine/model_collectives.hpp"
#include "strategies/compressed.hpp"

namespace convoy {
namespace {

bool all_finite(std::span<const float> values) {
  return std::isfinite(sum_of_squares(values.data(), static_cast<std::int64_t>(values.size())));
}

InitialModel initial_model(const ModelVector& values) {
  InitialModel model{host_zeros({static_cast<std::int64_t>(values.size())}), values.parameters(),
                     values.matrices()};
  values.read(values_of(model.values));
  return model;
}

}  // namespace

// What a step with an exchange changes, as it was before: an exchange that breaks undoes the step.
class LocalSteps::Undo {
 public:
  explicit Undo(LocalSteps& strategy) : strategy_(strategy), state_(strategy.worker_state()) {
    for (const torch::Tensor& counter : counters_of(strategy.engine_.weights()))
      state_.emplace_back("counter", counter);
    for (const auto& [name, tensor] : state_) before_.push_back(device().host_copy(tensor));
  }
  void operator()() {
    for (std::size_t k = 0; k < state_.size(); ++k) device().assign(state_[k].second, before_[k]);
    strategy_.set_worker_state(state_);
    strategy_.engine_.invalidate();
  }

 private:
  const Compute& device() const { return strategy_.engine_.device(); }

  LocalSteps& strategy_;
  WorkerState state_;
  std::vector<torch::Tensor> before_;
};

LocalSteps::LocalSteps(StrategySetup setup, const StrategyTraits& traits,
                       std::int64_t average_every, ModelExchangeFactory make_exchange)
    : LaneSteps(std::move(setup)),
      traits_(traits),
      average_every_(average_every),
      make_exchange_(std::move(make_exchange)),
      values_(engine_.weights()),
      exchange_(make_exchange_(initial_model(values_))) {}

std::unique_ptr<Strategy> make_local_steps(const StrategySetup& setup, const StrategyTraits& traits,
                                           std::int64_t average_every,
                                           ModelExchangeFactory exchange) {
  return std::make_unique<LocalSteps>(setup, traits, average_every, std::move(exchange));
}

void LocalSteps::enter(Communicator* group, const std::vector<Range>& lanes) {
  if (!setup_.elastic && engine_.lanes() < static_cast<std::int64_t>(lanes.size())) {
    throw InputError(
        fmt::format("strategy.kind: with {} every worker needs a lane of its own, and train.lanes "
                    "{} are fewer than the {} workers; raise train.lanes",
                    setup_.options.kind, engine_.lanes(), lanes.size()));
  }
  group_ = group;
  lanes_ = lanes;
  bytes_ = group == nullptr ? nullptr : std::make_unique<StepBytes>(*group);
  exchange_->enter(group, engine_.lanes());
  reduction_ = std::make_unique<Reduction>(
      engine_.device(), make_blocks(engine_.weights(), 1, StateLayout::replicated), engine_.lanes(),
      Reduction::Owner{0, 1, own_lanes(), engine_.replicas(), true});
  while (static_cast<int>(states_.size()) < engine_.optimizer().states())
    states_.push_back(engine_.device().zeros({engine_.weights().size()}));
  engine_.invalidate();
}

void LocalSteps::leave() {
  bytes_.reset();
  group_ = nullptr;
}

// After the step, which has not been counted yet.
bool LocalSteps::is_due(std::int64_t n) const {
  return (n + 1) % average_every_ == 0 || is_last(n);
}

StepOutcome LocalSteps::step(std::int64_t n) {
  StepOutcome outcome;
  outcome.step = n + 1;
  std::optional<Undo> undo;
  if (is_due(n) && group_ != nullptr) undo.emplace(*this);
  const std::int64_t last_exchange = last_exchange_;
  try {
    update(n, outcome);
    completed_ = n + 1;
    if (is_due(n)) {
      exchange(n, outcome);
    } else if (group_ == nullptr && setup_.control->change_requested()) {
      outcome.request = Request::change_members;
    }
  } catch (const PeerError&) {
    completed_ = n;
    last_exchange_ = last_exchange;
    if (undo) (*undo)();
    throw;
  }
  ++steps_;
  if (bytes_) bytes_->end_step();
  if (setup_.engine.balance && own_lanes().size() > 0) engine_.balance();
  return outcome;
}

// A worker without lanes waits for the exchange.
void LocalSteps::update(std::int64_t n, StepOutcome& outcome) {
  if (own_lanes().empty()) return;
  engine_.own(own_lanes(), n);
  setup_.control->computing(n);
  engine_.compute(n, nullptr);
  add_own_sums();
  setup_.control->communicating(n);
  ControlMessage message = local_control_message();
  message.buffers = reduction_->roots()[0]->buffers;
  const std::int64_t samples = engine_.own_samples();
  const auto context = decide(n, message, samples, 0, nullptr, outcome);
  if (context) {
    update_blocks(*context);
    ++counts_.updates;
    publish_buffers(message, samples);
  } else if (outcome.skipped && setup_.rules.skip_nonfinite) {
    ++counts_.skipped;
  } else if (outcome.skipped && group_ == nullptr) {
    throw NonFiniteError(nonfinite_advice(*outcome.skipped, n));
  } else if (outcome.skipped) {  // the others hear of it at the next exchange
    if (failure_.empty()) failure_ = describe(*outcome.skipped, n + 1);
    outcome.skipped.reset();
  }
}

void LocalSteps::exchange(std::int64_t n, StepOutcome& outcome) {
  const auto clock = TimeUse::Clock::now();
  const std::uint64_t before = group_ != nullptr ? group_->bytes_sent() : 0;
  std::vector<float> values(values_.size());
  values_.read(values);
  const Request agreed = exchange_->exchange(n / average_every_, values, own_request());
  values_.write(values);
  last_exchange_ = n + 1;
  if (failure_.empty() && !all_finite(values)) {
    failure_ = fmt::format(
        "step {}: the workers' averaged weights are not finite; lower train.optimizer.rate, or set "
        "train.clip.norm",
        n + 1);
  }
  if (is_over()) agree_on_result();
  if (bytes_) bytes_->count(group_->bytes_sent() - before);
  engine_.time_use().add(Activity::communicate, clock);
  outcome.request = agreed;
  end_together(agreed == Request::stop || is_over());
}

Request LocalSteps::own_request() const {
  if (setup_.control->stop_requested() || !failure_.empty()) return Request::stop;
  return setup_.control->change_requested() ? Request::change_members : Request::none;
}

// After the last exchange: the weights are those of all workers.
void LocalSteps::agree_on_result() {
  std::vector<float> own(values_.size());
  values_.read(own);
  std::vector<float> model(own.size());
  exchange_->combine(own, model);
  share_counters();
  values_.write(model);
}

// If all end now, they end for the same reason.
void LocalSteps::end_together(bool agreed) {
  std::vector<std::string> failures{failure_};
  if (group_ != nullptr && agreed) failures = group_->all_gather(failure_);
  for (const std::string& failure : failures) {
    if (!failure.empty() && (agreed || group_ == nullptr)) throw NonFiniteError(failure);
  }
}

// Buffers that are not float are worker 0's.
void LocalSteps::share_counters() {
  if (group_ == nullptr) return;
  for (const torch::Tensor& counter : counters_of(engine_.weights()))
    broadcast_tensor(*group_, engine_.device(), 0, counter);
}

// Between exchanges.
void LocalSteps::with_model(const std::function<void()>& work) {
  if (is_over()) return work();
  local_values_.resize(values_.size());
  values_.read(local_values_);
  const auto go_on = [this] {
    values_.write(local_values_);
    local_values_.clear();
  };
  try {
    std::vector<float> model(values_.size());
    exchange_->combine(local_values_, model);
    values_.write(model);
    work();
  } catch (...) {  // an elastic job may go on with other workers
    go_on();
    throw;
  }
  go_on();
}

// Tensors that the state is kept in, but for copies of the values and the counts.
WorkerState LocalSteps::worker_state() const {
  WorkerState state = setup_.elastic ? exchange_->common() : exchange_->state();
  torch::Tensor values = host_zeros({static_cast<std::int64_t>(values_.size())});
  const std::span<Element> flat = values_of(values);
  if (local_values_.empty())
    values_.read(flat);
  else
    std::copy(local_values_.begin(), local_values_.end(), flat.begin());
  state.emplace_back("values", values);
  for (std::size_t k = 0; k < states_.size(); ++k)
    state.emplace_back(fmt::format("optimizer{}", k), states_[k]);
  torch::Tensor counts = torch::zeros({2}, torch::kLong);
  counts.data_ptr<std::int64_t>()[0] = counts_.updates;
  counts.data_ptr<std::int64_t>()[1] = counts_.skipped;
  state.emplace_back("counts", counts);
  return state;
}

void LocalSteps::set_worker_state(const WorkerState& state) {
  for (const auto& [name, tensor] : state) {
    if (name == "values") values_.write(values_of(tensor));
    if (name != "counts") continue;
    counts_.updates = tensor.data_ptr<std::int64_t>()[0];
    counts_.skipped = tensor.data_ptr<std::int64_t>()[1];
  }
}

void LocalSteps::save(StateWriter& writer) {
  write_weights(writer, {});
  if (has_parts()) {
    writer.part.emplace();
    for (const auto& [name, tensor] : worker_state())
      writer.part->own.emplace_back(name, engine_.device().to_host(tensor));
    return;
  }
  for (const auto& [name, tensor] : worker_state())
    writer.whole.tensors.emplace_back("worker0/" + name, engine_.device().host_copy(tensor));
}

void LocalSteps::load(StateReader* reader) {
  WorkerStates own;
  std::vector<torch::Tensor> none;
  if (reader != nullptr) {
    own = WorkerStates(reader->state);
    restore_state(reader->state, reader->file, engine_.weights(), none);
  }
  engine_.invalidate();
  if (group_ != nullptr) broadcast_weights(*group_, 0, engine_.weights(), none);
  const WorkerState mine = worker_state();
  if (!setup_.elastic) {
    if (!WorkerStates::restore(own, group_, engine_.device(), mine))
      throw InputError("--resume: the checkpoint lacks the state of the workers that wrote it");
    return set_worker_state(mine);
  }
  // An elastic job goes on from the model of all, with what worker 0 had beside its own.
  for (const auto& [name, tensor] : mine) {
    if (reader == nullptr || name == "values") continue;
    const torch::Tensor* const kept = own.find(0, name, tensor);
    if (kept == nullptr)
      throw InputError(fmt::format("the newest checkpoint lacks worker 0's {}", name));
    engine_.device().assign(tensor, *kept);
  }
  set_worker_state(mine);
  std::vector<int> others;
  for (int w = 1; w < workers(); ++w) others.push_back(w);
  copy_from(0, others);
}

void LocalSteps::copy_from(int source, const std::vector<int>& takers) {
  if (group_ == nullptr || takers.empty()) return;
  WorkerState state = worker_state();
  for (const torch::Tensor& counter : counters_of(engine_.weights()))
    state.emplace_back("counter", counter);
  copy_worker_state(*group_, engine_.device(), source, takers, state);
  if (std::find(takers.begin(), takers.end(), worker()) == takers.end()) return;
  set_worker_state(state);
  engine_.invalidate();
}

void LocalSteps::forget() {
  engine_.reset_weights();
  reset_states();
  counts_ = {};
  last_exchange_ = completed_ = 0;
  failure_.clear();
  exchange_ = make_exchange_(initial_model(values_));
  exchange_->enter(group_, engine_.lanes());
}

// Who took part in the last exchange, or has given all that it had to those who did, keeps what it
// has.
bool LocalSteps::keeps_own(std::int64_t mine, std::int64_t furthest, bool finished) const {
  return mine == furthest || (exchange_->may_be_missed() && !finished);
}

void LocalSteps::start_at(std::int64_t step, std::int64_t agreed) {
  completed_ = step;
  last_exchange_ = agreed;
}

LocalSteps::Json LocalSteps::report() const {
  Json report = {
      {"worker", {{"lanes", own_lanes().size()}, {"optimizer_state_bytes", state_bytes()}}}};
  report["balance"] = balance_report(engine_.compute_seconds(), engine_.replica_lanes());
  if (group_ == nullptr) return report;
  report["worker"]["bytes_sent_per_step"] = bytes_->per_step();
  report["worker"]["other_bytes_sent_per_step"] = bytes_->others_per_step();
  report["communication"] = {
      {"transport", group_->transport()}, {"bucket_bytes", 0}, {"buckets", 0}};
  report["compression"] = compression_report(setup_.options.compression, exchange_->sum(), steps_);
  return report;
}

}  // namespace convoy
