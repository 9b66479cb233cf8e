#include "elastic/supervisor.hpp"

#include <fmt/format.h>
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <utility>

#include "convoy/core/error.hpp"

namespace convoy {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr int interrupted_status = 130;
constexpr int lost_a_peer = 75;
// The cause of a loss is known this soon after it, if it can be known.
constexpr seconds cause_patience{2};

}  // namespace

Supervisor::Supervisor(HostPlan plan, std::vector<WorkerProcess> workers, ServerCrew servers,
                       milliseconds grace, HostGroup* group, SignalPipe& signals)
    : plan_(std::move(plan)),
      servers_(std::move(servers)),
      grace_(grace),
      group_(group),
      signals_(signals) {
  int rank = plan_.first_rank;
  for (WorkerProcess& process : workers) workers_.push_back({std::move(process), rank++, {}});
  int server = plan_.first_server;
  for (WorkerProcess& process : servers_.running)
    workers_.push_back({std::move(process), server++, {}, true});
  servers_.running.clear();
}

Verdict Supervisor::run() {
  while (!finished()) {
    wait_for_something();
    handle_signals();
    reap();
    look_at_verdict();
    look_at_clock();
    settle_if_all_ended();
  }
  return *verdict_;
}

bool Supervisor::finished() const {
  return verdict_ && !any_running();
}

bool Supervisor::any_running() const {
  return std::any_of(workers_.begin(), workers_.end(),
                     [](const Worker& worker) { return worker.process.running(); });
}

bool Supervisor::any_worker_running() const {
  return std::any_of(workers_.begin(), workers_.end(), [](const Worker& worker) {
    return !worker.serves && worker.process.running();
  });
}

// They end when the workers have closed their connections, on all hosts.
bool Supervisor::servers_are_done() const {
  return plan_.servers > 0 && !any_worker_running() && (group_ == nullptr || verdict_);
}

// With parameter servers the others do what a lost worker leaves undone, but for the folder's.
bool Supervisor::can_spare(const Worker& worker) const {
  const bool killed = worker.process.ending()->signal != 0;
  return worker.serves || (plan_.servers > 0 && killed && worker.rank != 0);
}

void Supervisor::wait_for_something() {
  std::vector<pollfd> entries = {{signals_.fd(), POLLIN, 0}};
  // Once there is a verdict its descriptor stays readable: no more to wait for.
  entries.push_back({group_ != nullptr && !verdict_ ? group_->verdict_fd() : -1, POLLIN, 0});
  for (const Worker& worker : workers_) {
    entries.push_back({worker.process.out.fd(), POLLIN, 0});
    entries.push_back({worker.process.err.fd(), POLLIN, 0});
  }
  if (::poll(entries.data(), entries.size(), patience()) <= 0) return;
  auto entry = entries.begin() + 2;
  for (Worker& worker : workers_) {
    if ((entry++)->revents != 0) pass_on(worker, worker.process.out.read_lines(), STDOUT_FILENO);
    if ((entry++)->revents != 0) pass_on(worker, worker.process.err.read_lines(), STDERR_FILENO);
  }
}

int Supervisor::patience() const {
  auto first = Clock::now() + seconds(60);
  if (servers_are_done() && !kill_at_) first = Clock::now();
  for (const auto& deadline : {cause_until_, kill_at_})
    if (deadline) first = std::min(first, *deadline);
  return static_cast<int>(
      std::max<long>(0, std::chrono::ceil<milliseconds>(first - Clock::now()).count()));
}

void Supervisor::handle_signals() {
  while (const int signal = signals_.next())
    if (signal != SIGCHLD) interrupt();
}

// The first time workers are asked to end, and have all the time they need for a checkpoint.
void Supervisor::interrupt() {
  if (interrupted_ || stopping_) return signal_workers(SIGKILL);
  if (!any_running() && verdict_) return;
  write_all_of(STDERR_FILENO, "convoy: stopping the workers (again to kill them)\n");
  decide({interrupted_status,
          group_ == nullptr ? "interrupted" : fmt::format("interrupted on host {}", plan_.host)});
}

void Supervisor::reap() {
  for (Worker& worker : workers_) {
    if (!worker.process.reap()) continue;
    pass_on(worker, worker.process.out.drain(), STDOUT_FILENO);
    pass_on(worker, worker.process.err.drain(), STDERR_FILENO);
    judge(worker);
  }
  replace_lost_servers();
}

// The new one finds out by itself whether it is needed: where parts have no backups it ends.
void Supervisor::replace_lost_servers() {
  const int lost = std::exchange(servers_lost_, 0);
  if (verdict_ || (group_ == nullptr && !any_worker_running())) return;
  for (int i = 0; i < lost; ++i) {
    if (servers_started_ == servers_.restarts) {
      if (servers_.restarts > 0)
        write_all_of(STDERR_FILENO,
                     fmt::format("convoy: no more parameter servers are started (--restarts {})\n",
                                 servers_.restarts));
      return;
    }
    // Each host has its own numbers, from those on that the job began with.
    const int number = plan_.servers + plan_.host + plan_.hosts * servers_started_++;
    try {
      workers_.push_back({servers_.start(number), number, {}, true});
    } catch (const Error& error) {
      write_all_of(STDERR_FILENO, fmt::format("convoy: {}\n", error.what()));
    }
  }
}

void Supervisor::judge(const Worker& worker) {
  const int status = worker.process.ending()->shell_status();
  if (verdict_ || status == 0) return;
  if (can_spare(worker)) {
    write_all_of(
        STDERR_FILENO,
        fmt::format("convoy: {} {} {}\n", worker.serves ? "parameter server" : "worker",
                    worker.rank, describe(*worker.process.ending(), worker.last_error_line)));
    if (worker.serves) ++servers_lost_;
    return;
  }
  if (status == interrupted_status) {
    // Somebody asked this worker, or another one that told it, to stop.
    decide({interrupted_status, fmt::format("worker {} was interrupted", worker.rank)});
  } else if (status != lost_a_peer) {
    decide(failure_of(worker));
  } else if (!consequence_) {
    consequence_ = failure_of(worker);
    cause_until_ = Clock::now() + cause_patience;
  }
}

void Supervisor::look_at_verdict() {
  if (group_ == nullptr || verdict_) return;
  if (const auto verdict = group_->verdict()) decide(*verdict);
}

void Supervisor::look_at_clock() {
  const auto now = Clock::now();
  if (!verdict_ && cause_until_ && now >= *cause_until_) decide(*consequence_);
  if (servers_are_done() && !kill_at_ && any_running()) kill_at_ = now + grace_;
  if (kill_at_ && now >= *kill_at_) {
    signal_workers(SIGKILL);
    kill_at_.reset();
  }
}

// What is the verdict here is it on all hosts, unless another host was first.
void Supervisor::decide(const Verdict& verdict) {
  cause_until_.reset();
  act_on(verdict);  // at once: telling the others may take a while
  if (group_ == nullptr) return;
  group_->give_verdict(verdict);
  const Verdict theirs = group_->verdict().value_or(verdict);
  if (theirs.status != verdict.status) act_on(theirs);
  verdict_ = theirs;
}

void Supervisor::act_on(const Verdict& verdict) {
  verdict_ = verdict;
  if (verdict.status == interrupted_status) {
    interrupted_ = true;
    signal_workers(SIGTERM);
  } else if (verdict.status != 0) {
    stopping_ = true;
    kill_at_ = Clock::now() + grace_;
    signal_workers(SIGTERM);
  }
}

void Supervisor::settle_if_all_ended() {
  // Servers of several hosts are needed until the workers of all have ended.
  if (verdict_ || (group_ == nullptr ? any_running() : any_worker_running())) return;
  if (consequence_) {
    // On other hosts the cause may yet be found.
    if (group_ == nullptr) decide(*consequence_);
  } else if (group_ == nullptr) {
    decide({});
  } else if (!reported_done_) {
    reported_done_ = true;
    group_->workers_done();
    look_at_verdict();
  }
}

void Supervisor::signal_workers(int signal) {
  for (const Worker& worker : workers_) worker.process.signal(signal);
}

void Supervisor::pass_on(Worker& worker, const std::vector<std::string>& lines, int to) {
  for (const std::string& line : lines) {
    if (to == STDERR_FILENO && !line.empty()) worker.last_error_line = line;
  }
  if (!worker.serves) return relay_.pass_on(worker.rank, lines, to);
  for (const std::string& line : lines)
    write_all_of(to, fmt::format("convoy: parameter server {}: {}\n", worker.rank, line));
}

Verdict Supervisor::failure_of(const Worker& worker) const {
  const Ending& ending = *worker.process.ending();
  const bool others = ending.signal != 0 && plan_.total > 1;
  return {ending.shell_status(),
          fmt::format("worker {} (host {}, pid {}) {}{}", worker.rank, plan_.host,
                      worker.process.pid(), describe(ending, worker.last_error_line),
                      others ? "; the others were stopped" : "")};
}

}  // namespace convoy
