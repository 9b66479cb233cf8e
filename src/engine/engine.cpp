#include "engine/engine.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "convoy/core/error.hpp"
#include "convoy/lanes/random.hpp"
#include "convoy/model/model.hpp"

namespace convoy {
namespace {

int checked_replicas(int replicas) {
  if (replicas >= 1) return replicas;
  throw InputError(fmt::format("--replicas: {} is not possible; give 1 or more", replicas));
}

}  // namespace

Engine::Engine(EngineOptions options)
    : options_(std::move(options)),
      optimizer_(make_optimizer(options_.optimizer)),
      pool_(checked_replicas(options_.replicas)),
      shared_(options_.shared),
      results_(static_cast<std::size_t>(shared_.lanes)) {
  Network first = make_network();
  weights_ = std::make_unique<FlatParameters>(*first.module, device());
  shared_.weights = weights_.get();
  if (options_.inputs) inputs_ = options_.inputs(*this);
  shared_.inputs = inputs_.get();
  replicas_.push_back(std::make_unique<Replica>(std::move(first), shared_));
  while (static_cast<int>(replicas_.size()) < pool_.size()) {
    const int number = static_cast<int>(replicas_.size());
    replicas_.push_back(std::make_unique<Replica>(make_network(), shared_, number));
  }
}

Engine::~Engine() = default;

// Networks are made under a generator of their own: constructors draw the same initial weights in
// every run.
Network Engine::make_network() const {
  const LaneRandom random(derive_seed(options_.seed, RandomPurpose::initialise));
  return options_.factory();
}

std::vector<Network*> Engine::networks() {
  std::vector<Network*> networks;
  for (auto& replica : replicas_) networks.push_back(&replica->network());
  return networks;
}

void Engine::reset_weights() {
  const torch::NoGradGuard no_grad;
  const FlatParameters fresh(*make_network().module, device());
  weights_->separate();
  device().copy(weights_->data(), fresh.data(), fresh.size());
  for (std::size_t i = 0; i < fresh.buffers().size(); ++i)
    weights_->buffers()[i].tensor.copy_(fresh.buffers()[i].tensor);
  invalidate();
}

void Engine::deal_lanes(std::int64_t count) {
  counts_.clear();
  for (int r = 0; r < replicas(); ++r) counts_.push_back(even_part(count, replicas(), r).size());
  balancer_.reset();
  if (options_.balance && replicas() > 1 && count >= replicas())
    balancer_.emplace(counts_, std::vector<int>(replicas_.size(), 1));
}

void Engine::own(Range lanes, std::int64_t step) {
  if (current_ && lanes == owned_ && step == next_) return;
  if (counts_.empty() || lanes != owned_) deal_lanes(lanes.size());
  owned_ = lanes;
  const std::vector<Range> parts = ownership_of(counts_);
  sync_networks(/*training=*/true);
  if (inputs_) inputs_->own(step, end());
  for (int r = 0; r < replicas(); ++r) {
    const Range part = parts[static_cast<std::size_t>(r)];
    replica(r).own({lanes.begin + part.begin, lanes.begin + part.end}, step, end());
  }
  current_ = true;
  next_ = step;
}

void Engine::compute(std::int64_t step, GradientSink* sink) {
  current_ = false;  // should a replica fail
  seconds_.assign(replicas_.size(), 0);
  pool_.run([&](int r) {
    const auto begin = TimeUse::Clock::now();
    replica(r).compute(step, results_, sink);
    seconds_[static_cast<std::size_t>(r)] =
        std::chrono::duration<double>(TimeUse::Clock::now() - begin).count();
  });
  current_ = true;
  next_ = step + 1;
}

std::vector<PartialSum*> Engine::sums() {
  std::vector<PartialSum*> sums;
  for (auto& replica : replicas_) {
    for (PartialSum& sum : replica->sums()) sums.push_back(&sum);
  }
  return sums;
}

std::int64_t Engine::own_samples() const {
  std::int64_t samples = 0;
  for (std::int64_t lane = owned_.begin; lane < owned_.end; ++lane)
    samples += static_cast<std::int64_t>(results_[static_cast<std::size_t>(lane)].samples.size());
  return samples;
}

std::vector<torch::Tensor> Engine::counters() const {
  for (const auto& replica : replicas_) {
    if (!replica->counters().empty()) return replica->counters();
  }
  return {};
}

NonFinite Engine::find_nonfinite(std::int64_t step, Peers* peers) {
  return convoy::find_nonfinite(replica(0), shared_, step, owned_, peers);
}

void Engine::balance() {
  if (!balancer_) return;
  const auto counts = balancer_->add(seconds_);
  if (!counts) return;
  counts_ = *counts;
  invalidate();
}

void Engine::sync_networks(bool training) {
  for (auto& replica : replicas_) {
    torch::nn::Module& module = *replica->network().module;
    weights_->copy_buffers_to(module);
    set_training(module, training);
  }
}

Inference Engine::infer(const Dataset& dataset, std::int64_t batch, int part, int parts) {
  const Compute::TorchScope scope(device());
  sync_networks(/*training=*/false);
  Inference inference = run_inference(pool_, networks(), dataset, batch, shared_.seed, part, parts);
  sync_networks(/*training=*/true);
  return inference;
}

TimeUse Engine::total_time_use() const {
  TimeUse total;
  for (const auto& replica : replicas_) {
    for (std::size_t k = 0; k < activity_names.size(); ++k) {
      const auto activity = static_cast<Activity>(k);
      total.add_seconds(activity, replica->time_use().seconds(activity) / pool_.size());
    }
  }
  return total;
}

void Engine::trace_on(Trace& trace) {
  for (int r = 0; r < replicas(); ++r)
    time_use(r).trace_on(&trace.track(fmt::format("replica {}", r)));
}

}  // namespace convoy
