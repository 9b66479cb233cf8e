#include "strategies/parameter_server/parameter_server.hpp"

#include <ATen/Parallel.h>
#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "convoy/core/error.hpp"
#include "convoy/strategies/registry.hpp"
#include "engine/checkpoint_state.hpp"

namespace convoy {
namespace {

constexpr std::size_t most_recent = 1024;  // steps

// Steps that are over when a worker gets this.
std::int64_t steps_over(const ServerTurn& turn, bool together) {
  return together || turn.finished ? turn.step : turn.whole;
}

}  // namespace

ParameterServer::ParameterServer(StrategySetup setup)
    : setup_(std::move(setup)),
      own_(setup_.options.own.as<ParameterServerOptions>()),
      traits_(strategy_traits(setup_.options)),
      engine_(setup_.engine) {
  if (setup_.trace != nullptr) engine_.trace_on(*setup_.trace);
  if (!setup_.servers && own_.backups > 0)
    throw InputError(
        "strategy.backups: servers that are threads of one process are lost together; start them "
        "as processes with convoy launch --servers, or remove it");
}

ParameterServer::~ParameterServer() {
  if (!threads_.empty()) fail(nullptr, /*consequence=*/true);
  join();
}

const StrategyTraits& ParameterServer::traits() const {
  return traits_;
}

// All replicas before the first step, so that no server takes the job for done without one of them.
void ParameterServer::enter(Communicator* group, const std::vector<Range>& /*lanes*/) {
  if (group != nullptr)
    throw InputError("strategy.kind: parameter_server is launched with: convoy launch --servers N");
  if (std::exchange(entered_, true)) return;
  make_workers();
  for (auto& worker : workers_) worker->send_hello(setup_.identity);
  if (setup_.servers) setup_.servers->enlist();
}

void ParameterServer::make_workers() {
  const int servers = static_cast<int>(own_.servers);
  if (!setup_.servers)
    local_ = std::make_unique<server::LocalServers>(static_cast<std::uint32_t>(servers));
  for (int r = 0; r < engine_.replicas(); ++r) {
    std::unique_ptr<server::Link> link =
        local_ ? local_->connect(static_cast<std::uint32_t>(r)) : setup_.servers->connect(r);
    ServerWorker::Options options;
    options.strategy = setup_.options;
    options.own = own_;
    options.optimizer = engine_.optimizer_options();
    options.rules = setup_.rules;
    options.device = &engine_.device();
    options.shared = engine_.shared();
    options.stop = [control = setup_.control] { return control->stop_requested(); };
    if (r == setup_.slow_replica) options.slowness = setup_.slowness;
    Network network = engine_.make_network();
    set_training(*network.module, true);
    workers_.push_back(
        std::make_unique<ServerWorker>(std::move(network), std::move(link), std::move(options)));
  }
}

// The servers have what the run begins with, or goes on from, when this returns.
void ParameterServer::start_at(std::int64_t step, std::int64_t /*agreed*/) {
  first().prepare(engine_.weights(), std::exchange(restored_, {}), step, counts_.updates,
                  setup_.servers ? setup_.servers->workers() : engine_.replicas());
}

// The end of a process that leaves is how the others learn that it has gone: it says nothing.
void ParameterServer::leave() {
  if (!threads_.empty() && !ended_ && !left_) fail(nullptr, /*consequence=*/true);
  join();
  if (!ended_ || left_) return;
  for (auto& worker : workers_) worker->close();
}

void ParameterServer::fail(std::exception_ptr failure, bool consequence) {
  {
    const std::lock_guard lock(mutex_);
    if (failure && (!error_ || (is_consequence_ && !consequence))) {
      error_ = std::move(failure);
      is_consequence_ = consequence;
    }
  }
  for (auto& worker : workers_) worker->link().interrupt();
}

bool ParameterServer::failed() {
  const std::lock_guard lock(mutex_);
  return error_ != nullptr;
}

void ParameterServer::guarded(const std::function<void()>& work) {
  try {
    work();
  } catch (const PeerError&) {
    fail(std::current_exception(), true);
  } catch (...) {
    fail(std::current_exception(), false);
  }
}

void ParameterServer::join() {
  for (std::thread& thread : threads_) thread.join();
  threads_.clear();
}

void ParameterServer::start_others() {
  for (std::size_t r = workers_.size() - 1; threads_.size() < r;) {
    ServerWorker& worker = *workers_[threads_.size() + 1];
    threads_.emplace_back([this, &worker] {
      at::set_num_threads(1);
      guarded([&] { serve(worker); });
    });
  }
}

// A replica beside the first: until there is no more to do, or this process leaves.
void ParameterServer::serve(ServerWorker& worker) {
  while (true) {
    if (left_) return worker.close();  // its part of the next steps is the others' from here on
    const ServerTurn turn = worker.next();
    if (turn.finished) return;
    const ServerStep result = worker.take_step(turn);
    if (!result.skipped || setup_.rules.skip_nonfinite) continue;
    if (together()) return;  // whoever records the run says why
    throw NonFiniteError(
        describe(find_nonfinite(worker.replica(), engine_.shared(), turn.step, turn.lanes, nullptr),
                 turn.step + 1));
  }
}

StepOutcome ParameterServer::step(std::int64_t n) {
  StepOutcome outcome;
  const StepCounts counts = counts_;
  guarded([&] { outcome = next_step(n); });
  if (failed() || ended_ || left_) join();
  if (!failed()) return outcome;
  join();  // from here on nobody else touches what failed
  counts_ = counts;
  recent_.erase(recent_.upper_bound(n), recent_.end());
  std::rethrow_exception(error_);
}

// Ends with the weights of the steps that are over, before the next one is taken.
StepOutcome ParameterServer::next_step(std::int64_t n) {
  StepOutcome outcome;
  outcome.step = n;
  outcome.approximate = !together();
  start_others();
  if (pending_) take_pending(outcome);
  if (outcome.left) return outcome;
  if (setup_.control->leave_requested()) {
    left_ = outcome.left = true;
    first().close();
    return outcome;
  }
  take_next(n, outcome);
  count_time();
  return outcome;
}

void ParameterServer::take_pending(StepOutcome& outcome) {
  const ServerTurn turn = *std::exchange(pending_, std::nullopt);
  const ServerStep result = first().take_step(turn);
  if (!result.known) return;
  const StepNumbers numbers{result.loss, result.rate, result.norm};
  outcome.numbers = numbers;
  if (together()) {
    recent_[turn.step + 1] = numbers;
    if (recent_.size() > most_recent) recent_.erase(recent_.begin());
  }
  if (!result.skipped) return;
  const bool records = setup_.control->records();
  if (together() && !records && !setup_.rules.skip_nonfinite) {
    outcome.left = ended_ = true;  // whoever records the run says why
    return;
  }
  const Range lanes = together() ? Range{0, engine_.lanes()} : turn.lanes;
  outcome.skipped = find_nonfinite(first().replica(), engine_.shared(), turn.step, lanes, nullptr);
  if (!setup_.rules.skip_nonfinite)
    throw NonFiniteError(nonfinite_advice(*outcome.skipped, turn.step));
  ++counts_.skipped;
}

void ParameterServer::take_next(std::int64_t n, StepOutcome& outcome) {
  const ServerTurn turn = first().next();
  outcome.step = steps_over(turn, together());
  if (turn.whole > n) {
    if (!outcome.numbers) outcome.numbers.emplace();
    outcome.numbers->loss = turn.loss;
  }
  if (turn.stop) outcome.request = Request::stop;
  counts_.updates = outcome.step - counts_.skipped;
  if (!turn.finished) {
    pending_ = turn;
    return;
  }
  ended_ = true;
  outcome.left = turn.step < setup_.rules.steps;  // another process says why all end
}

std::optional<StepNumbers> ParameterServer::numbers_of(std::int64_t step) const {
  const auto known = recent_.find(step);
  if (known == recent_.end()) return {};
  return known->second;
}

// The first worker's, as if it were that of all replicas, of which the mean is told.
void ParameterServer::count_time() {
  const TimeUse& use = first().replica().time_use();
  for (std::size_t k = 0; k < activity_names.size(); ++k) {
    const auto activity = static_cast<Activity>(k);
    const double spent = use.seconds(activity) - counted_.seconds(activity);
    counted_.add_seconds(activity, spent);
    engine_.time_use().add_seconds(activity, spent * engine_.replicas());
  }
}

void ParameterServer::copy_weights() {
  const torch::NoGradGuard no_grad;
  FlatParameters& weights = engine_.weights();
  engine_.device().copy(weights.data(), first().weights().data(), weights.size());
  for (std::size_t i = 0; i < weights.buffers().size(); ++i)
    weights.buffers()[i].tensor.copy_(first().weights().buffers()[i].tensor);
}

void ParameterServer::with_model(const std::function<void()>& work) {
  copy_weights();
  work();
}

void ParameterServer::save(StateWriter& writer) {
  const std::vector<torch::Tensor> states = first().fetch_states(engine_.optimizer().states());
  if (!states.empty()) counts_.updates = first().updates();
  writer.whole = capture_state(engine_.weights(), states, writer.step);
}

void ParameterServer::load(StateReader* reader) {
  if (reader == nullptr) return;
  restored_.clear();
  for (int k = 0; k < engine_.optimizer().states(); ++k)
    restored_.push_back(engine_.device().zeros({engine_.weights().size()}));
  restore_state(reader->state, reader->file, engine_.weights(), restored_);
}

void ParameterServer::copy_from(int /*source*/, const std::vector<int>& /*takers*/) {}

void ParameterServer::forget() {
  engine_.reset_weights();
  restored_.clear();
  counts_ = {};
}

// By whoever records the run, alone.
Inference ParameterServer::infer(const Dataset& dataset, std::int64_t batch) {
  return engine_.infer(dataset, batch, 0, 1);
}

StrategyResult ParameterServer::result() {
  copy_weights();
  collect_report();
  engine_.sync_networks(/*training=*/false);
  return {engine_.replica(0).network().module, engine_.weights().sha256()};
}

void ParameterServer::collect_report() {
  server_report_ = Json::array();
  const std::vector<std::string> all = first().statistics();
  for (std::size_t shard = 0; shard < all.size(); ++shard) {
    for (Json one : Json::parse(all[shard])) {
      if (one["shard"] != shard) continue;
      server::Link::Bytes bytes;
      for (const auto& own : workers_) {
        bytes.sent += own->link().bytes(static_cast<std::uint32_t>(shard)).sent;
        bytes.received += own->link().bytes(static_cast<std::uint32_t>(shard)).received;
      }
      double sum = 0;
      double times = 0;
      std::int64_t longest = 0;
      for (const Json& delay : one["delays"]) {
        sum += delay[0].get<double>() * delay[1].get<double>();
        times += delay[1].get<double>();
        longest = std::max(longest, delay[0].get<std::int64_t>());
      }
      one["staleness_mean"] = times > 0 ? sum / times : 0;
      one["staleness_max"] = longest;
      one["bytes_pushed"] = bytes.sent;
      one["bytes_pulled"] = bytes.received;
      server_report_.push_back(std::move(one));
    }
  }
}

nlohmann::ordered_json ParameterServer::report() const {
  Json report = Json::object();
  if (!server_report_.is_null()) report["servers"] = server_report_;
  return report;
}

}  // namespace convoy
