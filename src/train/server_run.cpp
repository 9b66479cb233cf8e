// A run with parameter servers (docs/design.md, "The parameter server"): every
// replica is a worker with weights of its own; the first one of the process that
// tends the run does so between its steps (server_tending.cpp).
#include <ATen/Parallel.h>
#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "convoy/core/error.hpp"
#include "core/kernel_card.hpp"
#include "train/served.hpp"

namespace convoy {
namespace {

constexpr std::size_t most_recent = 1024;  // steps

}  // namespace

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
  if (options_.servers) {
    const std::string card = kernel_card(options_.servers->rank());
    compare_kernels_with(options_.servers->agree("kernels", card), card);
  }
  Served served;
  served_ = &served;
  make_server_workers();
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
  if (options_.servers) options_.servers->enlist();
  RunSummary summary;
  std::optional<ServerTurn> last;
  guarded([&] {
    await_beginning();
    for (std::size_t r = 1; r < served.workers.size(); ++r) {
      served.threads.emplace_back([&, r] {
        at::set_num_threads(1);
        guarded([&] { serve(*served.workers[r], /*first=*/false); });
      });
    }
    last = serve(*served.workers[0], /*first=*/true);
  });
  served.join();
  if (!served.error && last) guarded([&] { summary = finish_served(*last); });
  if (served.error) {
    if (tends_) end_for_all();
    std::rethrow_exception(served.error);
  }
  served_ = nullptr;
  if (!last && served.left) return summary;  // its end is how the others learn that it has gone
  for (auto& worker : served.workers) worker->close();
  if (options_.servers) options_.servers->leave();
  return summary;
}

RunSummary Trainer::Impl::finish_served(const ServerTurn& last) {
  if (!is_first()) await_end(last);
  RunSummary summary;
  if (!is_first()) return summary;
  report_servers(*served_->workers[0]);
  summary = finish();
  if (options_.servers) options_.servers->tell_over(/*finished=*/true);
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

// Until there is no more to do, which is what it returns; nothing where this process leaves, or
// another one says why all end.
std::optional<ServerTurn> Trainer::Impl::serve(ServerWorker& worker, bool first) {
  const bool together = job_.strategy.consistency == "bsp";
  while (true) {
    if (first && leaves()) served_->left = true;
    if (served_->left) {
      worker.close();  // its part of the next steps is the others' from here on
      return std::nullopt;
    }
    const ServerTurn turn = worker.next();
    if (first && !tends_ && options_.servers->tends()) take_over_serving(worker, turn);
    const bool tends = first && tends_;
    if (tends) tend(worker, turn);
    if (turn.finished) return turn.step < total_steps_ ? std::nullopt : std::optional(turn);
    const ServerStep result = worker.take_step(turn);
    if (first && together && result.known) {
      served_->recent[turn.step + 1] = result;
      if (served_->recent.size() > most_recent) served_->recent.erase(served_->recent.begin());
    }
    if (tends) {
      note(worker, turn, result);
    } else if (result.skipped && job_.train.on_nonfinite != "skip") {
      if (together) return std::nullopt;  // who tends the run says why
      throw NonFiniteError(
          describe(find_nonfinite(worker.replica(), shared_, turn.step, turn.lanes, nullptr),
                   turn.step + 1));
    }
  }
}

// Between two of its steps, when it was asked to and others stay.
bool Trainer::Impl::leaves() {
  if (!options_.servers || options_.leave == nullptr || !options_.leave->load()) return false;
  if (options_.servers->may_go()) return true;
  const auto all = options_.servers->processes(/*now=*/false);
  const auto there = std::count_if(all.begin(), all.end(),
                                   [](const ServedWorker& process) { return !process.gone; });
  if (there == 1 && !std::exchange(served_->told_alone, true))
    fmt::print(stderr, "convoy: cannot leave: there is no other worker; it does when one joins\n");
  return false;
}

void Trainer::Impl::note(ServerWorker& worker, const ServerTurn& turn, const ServerStep& result) {
  if (!result.known) return;
  last_loss_ = result.loss;
  last_rate_ = result.rate;
  last_norm_ = result.norm;
  if (!result.skipped) return;
  const bool together = job_.strategy.consistency == "bsp";
  progress_.step = std::max(progress_.step, together ? turn.step : progress_.step);
  tell_nonfinite(find_nonfinite(worker.replica(), shared_, turn.step,
                                together ? Range{0, lanes_} : turn.lanes, nullptr));
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
