#include "strategies/synchronous.hpp"

#include <algorithm>
#include <chrono>
#include <set>

#include "convoy/core/checksum.hpp"
#include "convoy/core/error.hpp"
#include "core/fault.hpp"
#include "core/tensor_bytes.hpp"
#include "engine/checkpoint_state.hpp"
#include "engine/model_collectives.hpp"
#include "engine/optimizer_shards.hpp"

namespace convoy {
namespace {

std::uint64_t digest_of(const Compute& device, const torch::Tensor& tensor) {
  const torch::Tensor dense = device.to_host(tensor);
  return xxh3(bytes_of(dense));
}

}  // namespace

Synchronous::Synchronous(StrategySetup setup) : LaneSteps(std::move(setup)) {}

const StrategyTraits& Synchronous::traits() const {
  static const StrategyTraits traits{
      .same_bits = true, .alike = true, .elastic = true, .columns = true};
  return traits;
}

void Synchronous::enter(Communicator* group, const std::vector<Range>& lanes) {
  training_group_.reset();
  engine_.weights().separate();
  group_ = group;
  lanes_ = lanes;
  if (compressed() != nullptr && group != nullptr) compressed()->enter(*group);
  build_reduction();
  parallel_known_ = false;
  try_host_update_ = setup_.elastic;
  try_shared_weights_ = !setup_.elastic;
  worker_seconds_.assign(lanes.size(), 0);
  start_worker_balancing(std::vector<int>(lanes.size(), engine_.replicas()));
  engine_.invalidate();
}

// The group may be broken: nothing is sent.
void Synchronous::leave() {
  training_group_.reset();
  stop_host_update();
  engine_.weights().separate();
  group_ = nullptr;
}

void Synchronous::build_reduction() {
  auto reduction = std::make_unique<Reduction>(
      engine_.device(),
      make_blocks(engine_.weights(), workers(),
                  replicated() ? StateLayout::replicated : StateLayout::sharded),
      engine_.lanes(),
      Reduction::Owner{worker(), workers(), own_lanes(), engine_.replicas(), replicated()});
  const std::int64_t kept =
      replicated() ? engine_.weights().size() : state_size(reduction->blocks(), worker());
  while (!host_update_ && static_cast<int>(states_.size()) < engine_.optimizer().states())
    states_.push_back(engine_.device().zeros({kept}));
  if (group_ == nullptr) {
    reduction_ = std::move(reduction);
    return;
  }
  const auto busy =
      static_cast<int>(std::min<std::int64_t>(engine_.replicas(), own_lanes().size()));
  auto training_group = std::make_unique<TrainingGroup>(
      *group_, engine_.weights(), *reduction,
      TrainingGroup::Options{engine_.lanes(), lanes_, busy, bucket_bytes(setup_.options),
                             setup_.trace, replicated(), compressed(), training_group_.get()});
  training_group_ = std::move(training_group);  // the one before goes before its reduction
  reduction_ = std::move(reduction);
  if (host_update_) training_group_->use_host_sums(host_update_->sums());
}

StepOutcome Synchronous::step(std::int64_t n) {
  const auto begin = TimeUse::Clock::now();
  step_ = n;
  engine_.own(own_lanes(), n);
  if (try_host_update_) start_host_update(n);
  if (try_shared_weights_) share_weights();
  StepOutcome outcome;
  outcome.step = n + 1;
  compute(n);
  const ControlMessage message = exchange_control_message();
  if (message.stop) outcome.request = Request::stop;
  if (message.change) outcome.request = std::max(outcome.request, Request::change_members);
  const std::int64_t samples = engine_.schedule().batch_size(n);
  const auto context =
      decide(n, message, samples, extension_ ? extension_->squared_norm() : 0, group_, outcome);
  if (context) {
    apply(*context, message, samples, outcome);
  } else {
    if (!setup_.rules.skip_nonfinite) throw NonFiniteError(nonfinite_advice(*outcome.skipped, n));
    ++counts_.skipped;
  }
  if (training_group_ && training_group_->end_step()) outcome.tuned = tuned_report();
  if (is_last(n)) {
    stop_host_update();
    engine_.weights().separate();
  }
  last_seconds_ = std::chrono::duration<double>(TimeUse::Clock::now() - begin).count();
  if (!outcome.broken && setup_.engine.balance) move_lanes(message, outcome);
  return outcome;
}

// Every lane's gradient, and the sums of the blocks that are this worker's.
void Synchronous::compute(std::int64_t n) {
  setup_.control->computing(n);
  if (extension_ != nullptr) extension_->before_compute(lanes_);
  GradientSink* const sink = training_group_ ? training_group_->start_step(n) : nullptr;
  try {
    engine_.compute(n, sink);
  } catch (...) {
    if (sink != nullptr) training_group_->cancel_step();
    throw;
  }
  reduce(/*streamed=*/sink != nullptr);
  if (extension_ == nullptr) return;
  const std::uint64_t sent = extension_->after_reduce();
  if (training_group_) training_group_->count(sent);
}

void Synchronous::reduce(bool streamed) {
  const auto clock = TimeUse::Clock::now();
  if (!streamed) add_own_sums();
  setup_.control->communicating(step_);
  if (!training_group_) return;
  const auto since = streamed ? clock : TimeUse::Clock::now();
  training_group_->reduce();
  if (setup_.elastic && compressed() == nullptr) training_group_->share_sums();
  engine_.time_use().add(Activity::communicate, since);
}

// The same on all workers.
ControlMessage Synchronous::exchange_control_message() {
  ControlMessage message = local_control_message();
  const StepControl& control = *setup_.control;
  if (!training_group_) {
    message.buffers = reduction_->roots()[0]->buffers;
    message.change = control.change_requested();
    return message;
  }
  const auto clock = TimeUse::Clock::now();
  const auto me = static_cast<std::size_t>(worker());
  const std::vector<double>& seconds = engine_.compute_seconds();
  message.seconds = last_seconds_;
  message.stop = control.stop_requested();
  message.change = control.change_requested();
  message.compute_seconds.assign(lanes_.size(), 0);
  message.compute_seconds[me] = *std::max_element(seconds.begin(), seconds.end());
  message.replicas.assign(lanes_.size(), engine_.replicas());
  training_group_->exchange_control_message(message);
  worker_seconds_ = message.compute_seconds;
  engine_.time_use().add(Activity::communicate, clock);
  return message;
}

void Synchronous::apply(const UpdateContext& context, const ControlMessage& message,
                        std::int64_t samples, StepOutcome& outcome) {
  if (host_update_) {
    update_on_host(context, outcome);
  } else if (training_group_ && !replicated()) {
    update_and_publish(context);
  } else {
    update_blocks(context);
  }
  if (extension_ != nullptr) extension_->update(engine_.optimizer(), context);
  ++counts_.updates;
  committed();
  publish_buffers(message, samples);
}

// New weights and states are beside the old ones until all of the new weights are here.
void Synchronous::update_and_publish(const UpdateContext& context) {
  FlatParameters& weights = engine_.weights();
  Element* const next = weights.next();
  while (next_states_.size() < states_.size())
    next_states_.push_back(engine_.device().zeros({states_[next_states_.size()].numel()}));
  std::vector<Element*> from;
  std::vector<Element*> to;
  for (const torch::Tensor& state : states_) from.push_back(engine_.device().data(state));
  for (const torch::Tensor& state : next_states_) to.push_back(engine_.device().data(state));
  engine_.pool().run([&](int r) {
    const auto clock = TimeUse::Clock::now();
    reduction_->update_blocks(r, weights.data(), from, next, to, engine_.optimizer(), context);
    engine_.time_use(r).add(Activity::update, clock);
  });
  const auto clock = TimeUse::Clock::now();
  training_group_->publish_next();
  engine_.time_use().add(Activity::communicate, clock);
  weights.commit_next();
  std::swap(states_, next_states_);
}

// Where workers compare their weights now and then, each has its own: shared ones would give all of
// them what a fault has made of one's.
void Synchronous::share_weights() {
  try_shared_weights_ = false;
  if (training_group_ && !replicated() && setup_.rules.verify_every == 0)
    training_group_->share_weights();
}

// The same goes for an update.
bool Synchronous::can_update_on_host() const {
  if (!training_group_ || compressed() != nullptr || setup_.rules.verify_every > 0) return false;
  const std::vector<int>& hosts = group_->hosts();
  return std::set<int>(hosts.begin(), hosts.end()).size() < hosts.size();
}

// With the members of a new generation, who all have one state.
void Synchronous::start_host_update(std::int64_t n) {
  try_host_update_ = false;
  if (!can_update_on_host()) return;
  HostUpdate::Options options{reduction_->blocks(),
                              engine_.weights().size(),
                              training_group_->holders(),
                              engine_.replicas(),
                              {}};
  options.device = &engine_.device();
  options.at = [this](HostUpdate::Moment) {
    if (fault_at(FaultPoint::update, {}, step_ + 1)) crash();
  };
  step_ = n;
  host_update_ = HostUpdate::make(*group_, std::move(options), states_);
  if (!host_update_) return;
  states_.clear();
  training_group_->use_host_sums(host_update_->sums());
}

// The state is this worker's own again. When the group goes on, all its workers do this.
void Synchronous::stop_host_update() {
  if (!host_update_) return;
  states_ = host_update_->states();
  if (training_group_) training_group_->use_host_sums(nullptr);
  host_update_.reset();
}

// Whatever becomes of the others, the step is complete afterwards.
void Synchronous::update_on_host(const UpdateContext& context, StepOutcome& outcome) {
  Element* const weights = engine_.weights().data();
  auto clock = TimeUse::Clock::now();
  bool together = host_update_->begin();
  clock = engine_.time_use().add(Activity::communicate, clock);
  if (together) {
    engine_.pool().run([&](int r) {
      const auto begin = TimeUse::Clock::now();
      host_update_->update(r, weights, engine_.optimizer(), context);
      engine_.time_use(r).add(Activity::update, begin);
    });
    clock = TimeUse::Clock::now();
    together = host_update_->end(weights);
    clock = engine_.time_use().add(Activity::communicate, clock);
  }
  if (together) return;
  host_update_->finish_alone(weights, engine_.optimizer(), context);
  outcome.broken = host_update_->failure();
  engine_.time_use().add(Activity::update, clock);
}

// The ownership as it is now; what was measured before is forgotten.
void Synchronous::start_worker_balancing(const std::vector<int>& parallel) {
  worker_balancer_.reset();
  if (compressed() != nullptr) return;  // its sums depend on which lanes a worker has
  if (training_group_ && engine_.lanes() >= workers())
    worker_balancer_.emplace(sizes_of(lanes_), parallel);
}

// After a step, with what all workers know of it. The same decision everywhere.
void Synchronous::move_lanes(const ControlMessage& message, StepOutcome& outcome) {
  engine_.balance();
  if (!worker_balancer_ || !training_group_ || training_group_->tuning()) return;
  if (!parallel_known_) {  // how many replicas the others have is in the first control message
    parallel_known_ = true;
    start_worker_balancing(message.replicas);
  }
  const auto counts = worker_balancer_->add(message.compute_seconds);
  if (!counts) return;
  lanes_ = ownership_of(*counts);
  build_reduction();
  engine_.invalidate();
  outcome.moved = MovedLanes{lanes_, worker_balancer_->imbalance_before_move()};
}

void Synchronous::save(StateWriter& writer) {
  std::vector<torch::Tensor> states;
  if (host_update_ && writer.first) states = host_update_->states();
  for (const torch::Tensor& state : states_) {
    if (!writer.first) break;
    if (replicated()) {
      states.push_back(engine_.device().host_copy(state));
    } else if (!training_group_) {
      states.push_back(engine_.device().zeros({engine_.weights().size()}));
      expand_state(engine_.device(), reduction_->blocks(), 0, state, states.back());
    }
  }
  write_weights(writer, states);
  if (!has_parts()) return;
  writer.part.emplace();
  if (!replicated())
    writer.part = make_shard(reduction_->blocks(), engine_.weights(), worker(), states_);
}

void Synchronous::restore_whole(StateReader* reader) {
  separate_weights();
  std::vector<torch::Tensor> flat;
  if (reader != nullptr) {
    for (std::size_t k = 0; k < states_.size(); ++k)
      flat.push_back(engine_.device().zeros({engine_.weights().size()}));
    restore_state(reader->state, reader->file, engine_.weights(), flat);
    for (std::size_t k = 0; k < flat.size(); ++k) {
      states_[k] = replicated()
                       ? flat[k]
                       : compact_state(engine_.device(), reduction_->blocks(), worker(), flat[k]);
    }
  }
  engine_.invalidate();
  if (group_ == nullptr) return;
  std::vector<torch::Tensor> none;
  broadcast_weights(*group_, 0, engine_.weights(), replicated() ? states_ : none);
  if (!replicated()) scatter_states(*group_, engine_.device(), reduction_->blocks(), flat, states_);
}

void Synchronous::load(StateReader* reader) {
  restore_whole(reader);
}

void Synchronous::copy_from(int source, const std::vector<int>& takers) {
  if (group_ == nullptr || takers.empty()) return;
  separate_weights();
  std::vector<torch::Tensor> none;
  broadcast_weights(*group_, source, engine_.weights(), replicated() ? states_ : none);
  engine_.invalidate();
}

// All workers, before their weights become others.
void Synchronous::separate_weights() {
  engine_.weights().separate();
  try_shared_weights_ = !setup_.elastic;
}

void Synchronous::forget() {
  separate_weights();
  engine_.reset_weights();
  reset_states();
  counts_ = {};
}

// Weights and buffers; the optimizer's state too where everybody has all of it.
std::string Synchronous::digest() const {
  if (group_ == nullptr) return {};
  const FlatParameters& weights = engine_.weights();
  std::vector<std::uint64_t> digests;
  const Compute& device = weights.device();
  digests.push_back(digest_of(device, weights.flat()));
  for (const auto& [name, tensor] : weights.buffers()) digests.push_back(digest_of(device, tensor));
  if (replicated()) {
    for (const torch::Tensor& state : states_) digests.push_back(digest_of(device, state));
  }
  return fmt::format("{:016x}", xxh3(std::as_bytes(std::span(digests))));
}

Synchronous::Json Synchronous::tuned_report() const {
  Json tried = Json::array();
  for (const BucketTuner::Tried& one : training_group_->tried())
    tried.push_back({{"bucket_bytes", one.bytes}, {"seconds", one.seconds}});
  return {{"bucket_bytes", training_group_->bucket_bytes()}, {"tried", tried}};
}

Synchronous::Json Synchronous::report() const {
  Json report = {
      {"worker", {{"lanes", own_lanes().size()}, {"optimizer_state_bytes", state_bytes()}}}};
  report["balance"] = training_group_
                          ? balance_report(worker_seconds_, sizes_of(lanes_))
                          : balance_report(engine_.compute_seconds(), engine_.replica_lanes());
  if (!training_group_) return report;
  report["worker"]["bytes_sent_per_step"] = training_group_->bytes().per_step();
  report["worker"]["other_bytes_sent_per_step"] = training_group_->bytes().others_per_step();
  report["communication"] = {{"transport", group_->transport()},
                             {"bucket_bytes", training_group_->bucket_bytes()},
                             {"buckets", training_group_->buckets()}};
  return report;
}

}  // namespace convoy
