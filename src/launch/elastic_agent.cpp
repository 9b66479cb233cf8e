#include "launch/elastic_agent.hpp"

#include <fmt/format.h>
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>

#include "convoy/core/error.hpp"
#include "launch/output_relay.hpp"
#include "launch/secret_descriptor.hpp"
#include "launch/worker_environment.hpp"

namespace convoy {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds first_backoff{200};
constexpr milliseconds longest_backoff{30'000};
constexpr std::chrono::seconds a_good_while{
    60};  // a worker that lived so long did not fail at its start

}  // namespace

ElasticAgent::ElasticAgent(const LaunchOptions& options, std::string store, const Secret& secret,
                           Coordinator& coordinator, RendezvousProcess* server, SignalPipe& signals)
    : options_(options),
      store_(std::move(store)),
      secret_(secret),
      coordinator_(coordinator),
      server_(server),
      signals_(signals) {
  due_.assign(static_cast<std::size_t>(options.workers), Clock::now());
}

Verdict ElasticAgent::run() {
  while (!finished()) {
    start_due();
    wait_for_something();
    handle_signals();
    if (server_ != nullptr) server_->restart_if_dead();
    reap();
    look_at_state();
    look_at_clock();
  }
  return *verdict_;
}

bool ElasticAgent::finished() const {
  return verdict_ && !any_running();
}

bool ElasticAgent::any_running() const {
  return std::any_of(workers_.begin(), workers_.end(),
                     [](const auto& worker) { return worker->process.running(); });
}

void ElasticAgent::start_due() {
  while (!verdict_ && !due_.empty() && due_.front() <= Clock::now()) {
    const auto number = coordinator_.take_number();
    if (!number) return;
    due_.pop_front();
    start_worker(*number);
  }
}

void ElasticAgent::start_worker(int number) {
  const SecretDescriptor descriptor(secret_);
  WorkerCommand command{options_.workers_run(), options_.arguments, inherited_environment(),
                        descriptor.fd()};
  const auto set = [&](const char* name, const auto& value) {
    command.environment.push_back(fmt::format("CONVOY_{}={}", name, value));
  };
  set("WORKER", number);
  set("STORE", store_);
  set("LOCAL_WORKERS", options_.workers);
  set("HEARTBEAT", std::clamp<std::int64_t>(options_.lost_after.count() / 10, 20, 500));
  set("SECRET_FD", descriptor.fd());
  workers_.push_back(
      std::make_unique<Worker>(Worker{number, WorkerProcess(command), Clock::now(), {}, {}}));
  coordinator_.worker_started(number, workers_.back()->process.pid());
}

void ElasticAgent::wait_for_something() {
  std::vector<pollfd> entries = {{signals_.fd(), POLLIN, 0},
                                 {coordinator_.descriptor(), POLLIN, 0},
                                 {server_ != nullptr ? server_->descriptor() : -1, POLLIN, 0}};
  const std::size_t first = entries.size();
  for (const auto& worker : workers_) {
    entries.push_back({worker->process.out.fd(), POLLIN, 0});
    entries.push_back({worker->process.err.fd(), POLLIN, 0});
  }
  if (::poll(entries.data(), entries.size(), patience()) <= 0) return;
  auto entry = entries.begin() + static_cast<std::ptrdiff_t>(first);
  for (const auto& worker : workers_) {
    if ((entry++)->revents != 0) pass_on(*worker, worker->process.out.read_lines(), STDOUT_FILENO);
    if ((entry++)->revents != 0) pass_on(*worker, worker->process.err.read_lines(), STDERR_FILENO);
  }
}

int ElasticAgent::patience() const {
  const auto now = Clock::now();
  auto first = now + milliseconds(server_ != nullptr ? 300 : 5'000);
  if (kill_at_) first = std::min(first, *kill_at_);
  // One that is due already waits for its number, and the coordinator tells when that is there.
  if (!verdict_ && !due_.empty() && due_.front() > now) first = std::min(first, due_.front());
  return static_cast<int>(
      std::max<long>(0, std::chrono::ceil<milliseconds>(first - Clock::now()).count()));
}

// The first time workers are asked to end, and have all the time they need for a checkpoint.
void ElasticAgent::handle_signals() {
  while (const int signal = signals_.next()) {
    if (signal == SIGCHLD) continue;
    if (interrupted_ || (verdict_ && verdict_->status != 0)) {
      signal_workers(SIGKILL);
      continue;
    }
    write_all_of(STDERR_FILENO, "convoy: stopping the workers (again to kill them)\n");
    coordinator_.give_verdict({interrupted_status, "interrupted"});
    decide({interrupted_status, "interrupted"});
  }
}

void ElasticAgent::reap() {
  for (const auto& worker : workers_) {
    if (!worker->process.reap()) continue;
    pass_on(*worker, worker->process.out.drain(), STDOUT_FILENO);
    pass_on(*worker, worker->process.err.drain(), STDERR_FILENO);
    judge(*worker);
  }
  std::erase_if(workers_, [](const auto& worker) { return !worker->process.running(); });
}

// What the end of a worker means: the job is done, it cannot be done, or it goes on without it.
void ElasticAgent::judge(Worker& worker) {
  if (verdict_) return;
  if (coordinator_.state().verdict) return look_at_state();
  const Ending& ending = *worker.process.ending();
  const std::string what =
      worker.lost_reason.empty() ? describe(ending, worker.last_error_line) : worker.lost_reason;
  const int status = ending.shell_status();
  if (status == interrupted_status) {
    const Verdict verdict{interrupted_status,
                          fmt::format("worker {} was interrupted", worker.number)};
    coordinator_.give_verdict(verdict);
    return decide(verdict);
  }
  if (status == 0) {  // it left, or the work is done and we are about to hear it
    coordinator_.worker_lost(worker.number, "left");
    if (due_.empty() && !any_running()) {
      coordinator_.exhausted(
          fmt::format("worker {} (pid {}) ended before the job's work was done, and none is left; "
                      "a program of your own takes part with convoy::Membership",
                      worker.number, worker.process.pid()));
    }
    return;
  }
  if (ending.signal == 0 && status == refused_worker) {
    coordinator_.worker_lost(worker.number, what);
    return do_without(worker, what, "");
  }
  if (ending.signal == 0 && status < 128 && status != lost_a_peer) {
    const Verdict verdict{
        status, fmt::format("worker {} (pid {}) {}", worker.number, worker.process.pid(), what)};
    coordinator_.give_verdict(verdict);
    return decide(verdict);
  }
  coordinator_.worker_lost(worker.number, what);
  replace(worker, what);
}

void ElasticAgent::do_without(const Worker& worker, const std::string& reason,
                              const std::string& why) {
  const std::string lost =
      fmt::format("worker {} (pid {}) {}", worker.number, worker.process.pid(), reason);
  log_line(fmt::format("{}; it is not replaced{}", lost, why));
  coordinator_.exhausted(fmt::format("{}; too few workers are left{}", lost, why));
}

void ElasticAgent::replace(const Worker& worker, const std::string& reason) {
  const bool early = Clock::now() - worker.since < a_good_while;
  losses_in_a_row_ = early ? losses_in_a_row_ + 1 : 1;
  const std::string lost =
      fmt::format("worker {} (pid {}) {}", worker.number, worker.process.pid(), reason);
  if (restarts_ >= options_.restarts) {
    return do_without(
        worker, reason,
        options_.restarts == 0 ? "" : fmt::format(" (--restarts {} are used up)", restarts_));
  }
  ++restarts_;
  const auto backoff =
      std::min(longest_backoff, first_backoff * (1 << std::min(losses_in_a_row_ - 1, 10)));
  log_line(fmt::format("{}; another one starts in {:.1f} s ({} of {} restarts)", lost,
                       std::chrono::duration<double>(backoff).count(), restarts_,
                       options_.restarts));
  due_.push_back(Clock::now() + backoff);
  std::sort(due_.begin(), due_.end());
}

void ElasticAgent::look_at_state() {
  const Coordinator::State state = coordinator_.state();
  for (const auto& worker : workers_) {
    const auto lost = state.lost.find(worker->number);
    if (lost == state.lost.end() || !worker->lost_reason.empty() || verdict_) continue;
    worker->lost_reason = lost->second;
    worker->process.signal(SIGKILL);
  }
  if (!verdict_ && state.verdict) decide(*state.verdict);
}

void ElasticAgent::decide(const Verdict& verdict) {
  verdict_ = verdict;
  interrupted_ = verdict.status == interrupted_status;
  if (verdict.status != 0) signal_workers(SIGTERM);
  // Interrupted members have all the time they need for a checkpoint.
  if (verdict.status == 0 || interrupted_) kill_outsiders();
  if (!interrupted_) kill_at_ = Clock::now() + options_.grace;
}

// Who takes part ends by itself; the others only wait to do so.
void ElasticAgent::kill_outsiders() {
  const Generation latest = coordinator_.state().latest;
  for (const auto& worker : workers_) {
    if (latest.rank_of(worker->number) < 0) worker->process.signal(SIGKILL);
  }
}

void ElasticAgent::look_at_clock() {
  if (!kill_at_ || Clock::now() < *kill_at_) return;
  signal_workers(SIGKILL);
  kill_at_.reset();
}

void ElasticAgent::signal_workers(int signal) {
  for (const auto& worker : workers_) worker->process.signal(signal);
}

void ElasticAgent::pass_on(Worker& worker, const std::vector<std::string>& lines, int to) {
  for (const std::string& line : lines) {
    if (to == STDERR_FILENO && !line.empty()) worker.last_error_line = line;
  }
  relay_.pass_on(worker.number, lines, to);
}

}  // namespace convoy
