#include "strategies/synchronous.hpp"

#include <algorithm>
#include <chrono>
#include <set>

#include "convoy/core/checksum.hpp"
#include "convoy/core/error.hpp"
#include "core/fault.hpp"
#include "core/tensor_bytes.hpp"
#include "engine/sharded_state.hpp"
#include "engine/together.hpp"
#include "engine/weights_state.hpp"

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
  team_.reset();
  group_ = group;
  lanes_ = lanes;
  if (compressed() != nullptr && group != nullptr) compressed()->enter(*group);
  build_reduction();
  parallel_known_ = false;
  may_share_ = setup_.elastic;
  worker_seconds_.assign(lanes.size(), 0);
  start_worker_balancing(std::vector<int>(lanes.size(), engine_.replicas()));
  engine_.invalidate();
}

// The group may be broken: nothing is sent.
void Synchronous::leave() {
  team_.reset();
  stop_sharing();
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
  while (!sharing_ && static_cast<int>(states_.size()) < engine_.optimizer().states())
    states_.push_back(engine_.device().zeros({kept}));
  if (group_ == nullptr) {
    reduction_ = std::move(reduction);
    return;
  }
  const auto busy =
      static_cast<int>(std::min<std::int64_t>(engine_.replicas(), own_lanes().size()));
  auto team = std::make_unique<TrainingGroup>(
      *group_, engine_.weights(), *reduction,
      TrainingGroup::Options{engine_.lanes(), lanes_, busy, bucket_bytes(setup_.options),
                             setup_.trace, replicated(), compressed(), team_.get()});
  team_ = std::move(team);  // the one before goes before its reduction
  reduction_ = std::move(reduction);
  if (sharing_) team_->use_host_sums(sharing_->sums());
}

StepOutcome Synchronous::step(std::int64_t n) {
  const auto begin = TimeUse::Clock::now();
  step_ = n;
  engine_.own(own_lanes(), n);
  if (may_share_) share_update(n);
  StepOutcome outcome;
  outcome.step = n + 1;
  compute(n);
  const StepNews news = exchange_news();
  if (news.stop) outcome.request = Request::stop;
  if (news.change) outcome.request = std::max(outcome.request, Request::change_members);
  const std::int64_t samples = engine_.schedule().batch_size(n);
  const auto context =
      decide(n, news, samples, extension_ ? extension_->squared_norm() : 0, group_, outcome);
  if (context) {
    apply(*context, news, samples, outcome);
  } else {
    if (!setup_.rules.skip_nonfinite) throw NonFiniteError(nonfinite_advice(*outcome.skipped, n));
    ++counts_.skipped;
  }
  if (team_ && team_->end_step()) outcome.tuned = tuned_report();
  if (is_last(n)) stop_sharing();
  last_seconds_ = std::chrono::duration<double>(TimeUse::Clock::now() - begin).count();
  if (!outcome.broken && setup_.engine.balance) move_lanes(news, outcome);
  return outcome;
}

// Every lane's gradient, and the sums of the blocks that are this worker's.
void Synchronous::compute(std::int64_t n) {
  setup_.control->computing(n);
  if (extension_ != nullptr) extension_->before_compute(lanes_);
  GradientSink* const sink = team_ ? team_->start_step(n) : nullptr;
  try {
    engine_.compute(n, sink);
  } catch (...) {
    if (sink != nullptr) team_->cancel_step();
    throw;
  }
  reduce(/*streamed=*/sink != nullptr);
  if (extension_ == nullptr) return;
  const std::uint64_t sent = extension_->after_reduce();
  if (team_) team_->count(sent);
}

void Synchronous::reduce(bool streamed) {
  const auto clock = TimeUse::Clock::now();
  if (!streamed) add_own_sums();
  setup_.control->communicating(step_);
  if (!team_) return;
  const auto since = streamed ? clock : TimeUse::Clock::now();
  team_->reduce();
  if (setup_.elastic && compressed() == nullptr) team_->share_sums();
  engine_.time_use().add(Activity::communicate, since);
}

// The same on all workers.
StepNews Synchronous::exchange_news() {
  StepNews news = own_news();
  const StepControl& control = *setup_.control;
  if (!team_) {
    news.buffers = reduction_->roots()[0]->buffers;
    news.change = control.change_wanted();
    return news;
  }
  const auto clock = TimeUse::Clock::now();
  const auto me = static_cast<std::size_t>(worker());
  const std::vector<double>& seconds = engine_.compute_seconds();
  news.seconds = last_seconds_;
  news.stop = control.stop_asked();
  news.change = control.change_wanted();
  news.compute_seconds.assign(lanes_.size(), 0);
  news.compute_seconds[me] = *std::max_element(seconds.begin(), seconds.end());
  news.replicas.assign(lanes_.size(), engine_.replicas());
  team_->exchange_news(news);
  worker_seconds_ = news.compute_seconds;
  engine_.time_use().add(Activity::communicate, clock);
  return news;
}

void Synchronous::apply(const UpdateContext& context, const StepNews& news, std::int64_t samples,
                        StepOutcome& outcome) {
  if (sharing_) {
    update_together(context, outcome);
  } else if (team_ && !replicated()) {
    update_and_publish(context);
  } else {
    update_blocks(context);
  }
  if (extension_ != nullptr) extension_->update(engine_.optimizer(), context);
  ++counts_.updates;
  committed();
  publish_buffers(news, samples);
}

// New weights and states are beside the old ones until all of the new weights are here.
void Synchronous::update_and_publish(const UpdateContext& context) {
  SharedWeights& weights = engine_.weights();
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
  team_->publish(next);
  engine_.time_use().add(Activity::communicate, clock);
  weights.commit_next();
  std::swap(states_, next_states_);
}

// Where workers compare their weights now and then, each makes its own: an update that is shared
// would give all of them what a faulty one has made.
bool Synchronous::may_share_update() const {
  if (!team_ || compressed() != nullptr || setup_.rules.verify_every > 0) return false;
  const std::vector<int>& hosts = group_->hosts();
  return std::set<int>(hosts.begin(), hosts.end()).size() < hosts.size();
}

// With the members of a new generation, who all have one state.
void Synchronous::share_update(std::int64_t n) {
  may_share_ = false;
  if (!may_share_update()) return;
  SharedUpdate::Options options{
      reduction_->blocks(), engine_.weights().size(), team_->holders(), engine_.replicas(), {}};
  options.device = &engine_.device();
  options.at = [this](SharedUpdate::Moment) {
    if (fault_at(FaultPoint::update, {}, step_ + 1)) crash();
  };
  step_ = n;
  sharing_ = SharedUpdate::make(*group_, std::move(options), states_);
  if (!sharing_) return;
  states_.clear();
  team_->use_host_sums(sharing_->sums());
}

// The state is this worker's own again. When the group goes on, all its workers do this.
void Synchronous::stop_sharing() {
  if (!sharing_) return;
  states_ = sharing_->states();
  if (team_) team_->use_host_sums(nullptr);
  sharing_.reset();
}

// Whatever becomes of the others, the step is complete afterwards.
void Synchronous::update_together(const UpdateContext& context, StepOutcome& outcome) {
  Element* const weights = engine_.weights().data();
  auto clock = TimeUse::Clock::now();
  bool together = sharing_->begin();
  clock = engine_.time_use().add(Activity::communicate, clock);
  if (together) {
    engine_.pool().run([&](int r) {
      const auto begin = TimeUse::Clock::now();
      sharing_->update(r, weights, engine_.optimizer(), context);
      engine_.time_use(r).add(Activity::update, begin);
    });
    clock = TimeUse::Clock::now();
    together = sharing_->end(weights);
    clock = engine_.time_use().add(Activity::communicate, clock);
  }
  if (together) return;
  sharing_->finish_alone(weights, engine_.optimizer(), context);
  outcome.broken = sharing_->failure();
  engine_.time_use().add(Activity::update, clock);
}

// The ownership as it is now; what was measured before is forgotten.
void Synchronous::start_worker_balancing(const std::vector<int>& parallel) {
  worker_balancer_.reset();
  if (compressed() != nullptr) return;  // its sums depend on which lanes a worker has
  if (team_ && engine_.lanes() >= workers()) worker_balancer_.emplace(sizes_of(lanes_), parallel);
}

// After a step, with what all workers know of it. The same decision everywhere.
void Synchronous::move_lanes(const StepNews& news, StepOutcome& outcome) {
  engine_.balance();
  if (!worker_balancer_ || !team_ || team_->tuning()) return;
  if (!parallel_known_) {  // how many replicas the others have is news of the first step
    parallel_known_ = true;
    start_worker_balancing(news.replicas);
  }
  const auto counts = worker_balancer_->add(news.compute_seconds);
  if (!counts) return;
  lanes_ = ownership_of(*counts);
  build_reduction();
  engine_.invalidate();
  outcome.moved = MovedLanes{lanes_, worker_balancer_->imbalance_before_move()};
}

void Synchronous::save(StateWriter& writer) {
  std::vector<torch::Tensor> states;
  if (sharing_ && writer.first) states = sharing_->states();
  for (const torch::Tensor& state : states_) {
    if (!writer.first) break;
    if (replicated()) {
      states.push_back(engine_.device().host_copy(state));
    } else if (!team_) {
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
  engine_.weights().forget_next();
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
  std::vector<torch::Tensor> none;
  broadcast_weights(*group_, source, engine_.weights(), replicated() ? states_ : none);
  engine_.weights().forget_next();
  engine_.invalidate();
}

void Synchronous::forget() {
  engine_.reset_weights();
  reset_states();
  counts_ = {};
}

// Weights and buffers; the optimizer's state too where everybody has all of it.
std::string Synchronous::digest() const {
  if (group_ == nullptr) return {};
  const SharedWeights& weights = engine_.weights();
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
  for (const BucketTuner::Tried& one : team_->tried())
    tried.push_back({{"bucket_bytes", one.bytes}, {"seconds", one.seconds}});
  return {{"bucket_bytes", team_->bucket_bytes()}, {"tried", tried}};
}

Synchronous::Json Synchronous::report() const {
  Json report = {
      {"worker", {{"lanes", own_lanes().size()}, {"optimizer_state_bytes", state_bytes()}}}};
  report["balance"] = team_ ? balance_report(worker_seconds_, sizes_of(lanes_))
                            : balance_report(engine_.compute_seconds(), engine_.replica_lanes());
  if (!team_) return report;
  report["worker"]["bytes_sent_per_step"] = team_->bytes().per_step();
  report["worker"]["other_bytes_sent_per_step"] = team_->bytes().others_per_step();
  report["communication"] = {{"transport", group_->transport()},
                             {"bucket_bytes", team_->bucket_bytes()},
                             {"buckets", team_->buckets()}};
  return report;
}

}  // namespace convoy
