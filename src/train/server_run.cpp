// A run with parameter servers (docs/design.md, "The parameter server"): every
// replica is a worker with weights of its own; the first one of worker 0 tends
// the run's folder between its steps.
#include <ATen/Parallel.h>
#include <fmt/format.h>

#include <algorithm>
#include <exception>
#include <mutex>
#include <thread>

#include "convoy/core/error.hpp"
#include "convoy/server/server_group.hpp"
#include "server/local.hpp"
#include "train/server_worker.hpp"
#include "train/trainer_impl.hpp"

namespace convoy {

// The servers, the workers of this process and their threads.
struct Trainer::Impl::Served {
  std::unique_ptr<server::LocalServers> local;  // null: processes
  std::vector<std::unique_ptr<ServerWorker>> workers;
  TimeUse counted;  // of the first worker, as it was last looked at
  TimeUse::Clock::time_point since = TimeUse::Clock::now();

  std::mutex mutex;
  std::exception_ptr error;
  bool is_consequence = false;  // that error: another one may be its cause
  std::vector<std::thread> threads;

  void fail(std::exception_ptr failure, bool consequence) {
    {
      const std::lock_guard lock(mutex);
      if (!error || (is_consequence && !consequence)) {
        error = failure;
        is_consequence = consequence;
      }
    }
    for (auto& worker : workers) worker->link().interrupt();
  }
  void join() {
    for (std::thread& thread : threads) thread.join();
    threads.clear();
  }
  ~Served() { join(); }
};

RunSummary Trainer::Impl::run_served() {
  if (options_.membership != nullptr || options_.group)
    throw InputError(
        "strategy.kind: parameter_server is launched with: convoy "
        "launch --servers N");
  if (!options_.servers && job_.strategy.backups > 0)
    throw InputError(
        "strategy.backups: servers that are threads of one "
        "process are lost together; start them "
        "as processes with convoy launch --servers, or remove it");
  const Json resumed = options_.resume && is_first() ? resume() : Json();
  log_ = open_log();
  Served served;
  served_ = &served;
  make_server_workers();
  emit_start();
  if (!resumed.is_null()) emit(resumed);
  const std::string identity = identity_.dump() + options_.data_fingerprint;
  const auto guarded = [&](const std::function<void()>& work) {
    try {
      work();
    } catch (const PeerError&) {
      served.fail(std::current_exception(), true);
    } catch (...) {
      served.fail(std::current_exception(), false);
    }
  };
  // All before the first step, so that no server takes the job for done without one of them.
  for (auto& worker : served.workers) worker->greet(identity);
  for (std::size_t r = 1; r < served.workers.size(); ++r) {
    served.threads.emplace_back([&, r] {
      at::set_num_threads(1);
      guarded([&] { serve(*served.workers[r], /*tends=*/false); });
    });
  }
  guarded([&] {
    ServerWorker& first = *served.workers[0];
    if (is_first()) prepare_servers(first, !resumed.is_null());
    serve(first, is_first());
  });
  served.join();
  if (served.error) std::rethrow_exception(served.error);
  RunSummary summary;
  if (is_first()) {
    report_servers(*served.workers[0]);
    summary = finish();
  }
  for (auto& worker : served.workers) worker->close();
  if (options_.servers) options_.servers->leave();
  served_ = nullptr;
  return summary;
}

void Trainer::Impl::make_server_workers() {
  const int servers = static_cast<int>(job_.strategy.servers);
  if (!options_.servers)
    served_->local = std::make_unique<server::LocalServers>(static_cast<std::uint32_t>(servers));
  ReplicaShared shared = shared_;
  for (int r = 0; r < pool_.size(); ++r) {
    std::unique_ptr<server::Link> link =
        served_->local ? served_->local->connect(static_cast<std::uint32_t>(r))
                       : options_.servers->connect(r);
    ServerWorker::Options options;
    options.job = &job_;
    options.total_steps = total_steps_;
    options.shared = shared;
    options.stop = [stop = options_.stop] { return stop != nullptr && stop->load(); };
    if (r == options_.slow_replica) options.slowness = options_.slowness;
    Network network = replica_network();
    set_training(*network.module, true);
    served_->workers.push_back(
        std::make_unique<ServerWorker>(std::move(network), std::move(link), std::move(options)));
  }
}

void Trainer::Impl::prepare_servers(ServerWorker& worker, bool resumed) {
  std::vector<torch::Tensor> states;
  for (const torch::Tensor& state : states_) {
    if (!resumed) break;  // they begin with zeros
    states.push_back(torch::zeros({weights_->size()}));
    expand_state(reduction_->blocks(), 0, state, states.back());
  }
  worker.prepare(*weights_, states, progress_.step, progress_.updates,
                 options_.servers ? options_.servers->workers() : pool_.size());
}

void Trainer::Impl::serve(ServerWorker& worker, bool tends) {
  while (true) {
    const ServerTurn turn = worker.next();
    if (tends) tend(worker, turn);
    if (turn.finished) return;
    const ServerStep result = worker.take_step(turn);
    if (tends) {
      note(worker, turn, result);
    } else if (result.skipped && job_.train.on_nonfinite != "skip") {
      if (job_.strategy.consistency == "bsp") return;  // the first worker says why
      throw NonFiniteError(
          describe(find_nonfinite(worker.replica(), shared_, turn.step, turn.lanes, nullptr),
                   turn.step + 1));
    }
  }
}

void Trainer::Impl::note(ServerWorker& worker, const ServerTurn& turn, const ServerStep& result) {
  last_loss_ = result.loss;
  last_rate_ = result.rate;
  last_norm_ = result.norm;
  if (!result.skipped) return;
  const bool together = job_.strategy.consistency == "bsp";
  progress_.step = std::max(progress_.step, together ? turn.step : progress_.step);
  tell_nonfinite(find_nonfinite(worker.replica(), shared_, turn.step,
                                together ? Range{0, lanes_} : turn.lanes, nullptr));
}

// What is due after the steps that are over by now.
void Trainer::Impl::tend(ServerWorker& worker, const ServerTurn& turn) {
  const bool together = job_.strategy.consistency == "bsp";
  const std::int64_t now = together || turn.finished ? turn.step : turn.whole;
  if (!together && turn.whole > progress_.step) last_loss_ = turn.loss;
  while (progress_.step < now) {
    meter_.samples += schedule_.batch_size(progress_.step);
    ++meter_.steps;
    ++progress_.step;
    progress_.updates = progress_.step - progress_.skipped;
    if (progress_.step == now) {
      count_time(worker);
      stop_asked_ = turn.stop;
    }
    const bool keeps = checkpoint_due() || (stop_asked_ && !finished());
    if (keeps || evaluation_due() || finished()) copy_from(worker, keeps);
    between_steps();
    served_->since = TimeUse::Clock::now();
  }
  if (!turn.stop || finished()) return;
  stop_asked_ = true;  // no step was begun since
  copy_from(worker, /*with_states=*/true);
  stop_if_asked();
}

void Trainer::Impl::count_time(ServerWorker& worker) {
  last_seconds_ = std::chrono::duration<double>(TimeUse::Clock::now() - served_->since).count();
  meter_.seconds += last_seconds_;
  const TimeUse& use = worker.replica().time_use();
  for (std::size_t k = 0; k < activity_names.size(); ++k) {
    const auto activity = static_cast<Activity>(k);
    const double spent = use.seconds(activity) - served_->counted.seconds(activity);
    served_->counted.add_seconds(activity, spent);
    // As if it were that of all replicas, of which the mean is told.
    replicas_[0]->time_use().add_seconds(activity, spent * pool_.size());
  }
}

void Trainer::Impl::copy_from(ServerWorker& worker, bool with_states) {
  const torch::NoGradGuard no_grad;
  std::copy_n(worker.weights().data(), weights_->size(), weights_->data());
  for (std::size_t i = 0; i < weights_->buffers().size(); ++i)
    weights_->buffers()[i].tensor.copy_(worker.weights().buffers()[i].tensor);
  if (!with_states) return;
  const std::vector<torch::Tensor> states = worker.fetch_states(static_cast<int>(states_.size()));
  for (std::size_t k = 0; k < states.size(); ++k)
    states_[k] = compact_state(reduction_->blocks(), 0, states[k]);
  if (!states.empty()) progress_.updates = worker.updates();
}

void Trainer::Impl::report_servers(ServerWorker& worker) {
  server_report_ = Json::array();
  const std::vector<std::string> all = worker.statistics();
  for (std::size_t shard = 0; shard < all.size(); ++shard) {
    for (Json one : Json::parse(all[shard])) {
      if (one["shard"] != shard) continue;
      server::Link::Bytes bytes;
      for (const auto& own : served_->workers) {
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

}  // namespace convoy
