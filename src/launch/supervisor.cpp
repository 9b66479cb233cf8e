#include "launch/supervisor.hpp"

#include <fmt/format.h>
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <utility>

#include "convoy/core/error.hpp"

namespace convoy {
namespace {

using std::chrono::milliseconds;

// The cause of a loss is known this soon after it, if it can be known.
constexpr std::chrono::seconds cause_patience{2};
// So often a launcher without workers looks whether other hosts have some.
constexpr milliseconds look_elsewhere{200};
constexpr std::chrono::seconds look_for_silent_every{1};

}  // namespace

Supervisor::Supervisor(HostPlan plan, HostProcesses workers, HostProcesses servers,
                       milliseconds grace, HostGroup* group, ServedJob* served, SignalPipe& signals)
    : plan_(std::move(plan)),
      worker_processes_(std::move(workers)),
      servers_(std::move(servers)),
      grace_(grace),
      group_(group),
      served_(served),
      signals_(signals) {
  int rank = plan_.first_rank;
  for (WorkerProcess& process : worker_processes_.running)
    workers_.push_back({std::move(process), rank++, {}});
  worker_processes_.running.clear();
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
    kill_the_silent();
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

bool Supervisor::has_workers() const {
  return std::any_of(workers_.begin(), workers_.end(),
                     [](const Worker& worker) { return !worker.serves; });
}

// Those that were here have left or are lost, and others have joined.
bool Supervisor::goes_on_elsewhere() const {
  return served_ != nullptr && !verdict_ && has_workers() && !any_worker_running() &&
         served_->has_workers();
}

// They end when the workers have closed their connections, on all hosts.
bool Supervisor::servers_are_done() const {
  return served_ != nullptr && has_workers() && !any_worker_running() &&
         (group_ == nullptr || verdict_) && !goes_on_elsewhere();
}

// With parameter servers the others do what a lost worker leaves undone. Nobody begins the run but
// worker 0, or who is started in its place.
bool Supervisor::can_spare(const Worker& worker) {
  if (worker.serves) return true;
  if (served_ == nullptr) return false;
  const Ending& ending = *worker.process.ending();
  const bool taken_for_lost =
      ending.status == lost_a_peer && !served_->silent({worker.process.pid()}).empty();
  if (ending.signal == 0 && !taken_for_lost) return false;
  return worker.rank != 0 || plan_.least > 0 || served_->has_coordinator();
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
  auto first = Clock::now() + std::chrono::seconds(60);
  if (goes_on_elsewhere()) first = Clock::now() + look_elsewhere;
  if (servers_are_done() && !kill_at_) first = Clock::now();
  if (served_ != nullptr && any_running()) first = std::min(first, look_for_silent_);
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
  replace_lost_workers();
}

void Supervisor::replace_lost_workers() {
  for (const int rank : std::exchange(workers_lost_, {})) {
    if (verdict_ || workers_started_ == worker_processes_.restarts) break;
    ++workers_started_;
    log_line(fmt::format("worker {} is started anew ({} of {} restarts)", rank, workers_started_,
                         worker_processes_.restarts));
    try {
      workers_.push_back({worker_processes_.start(rank), rank, {}});
    } catch (const Error& error) {
      log_line(error.what());
    }
  }
  require_enough_workers();
}

// Of a job on several hosts nobody counts the workers of all.
void Supervisor::require_enough_workers() {
  if (verdict_ || plan_.least == 0 || group_ != nullptr || plan_.joined) return;
  const auto left = std::count_if(workers_.begin(), workers_.end(), [](const Worker& worker) {
    return !worker.serves && worker.process.running();
  });
  if (left >= plan_.least || last_loss_.empty() || workers_started_ < worker_processes_.restarts ||
      served_->is_finished())
    return;
  decide({1, fmt::format("{} worker{} left of the {} that the job needs, and the restarts are used "
                         "up; the last that was lost: {}",
                         left, left == 1 ? " is" : "s are", plan_.least, last_loss_)});
}

// The new one finds out by itself whether it is needed: where parts have no backups it ends.
void Supervisor::replace_lost_servers() {
  const int lost = std::exchange(servers_lost_, 0);
  if (verdict_ || (group_ == nullptr && has_workers() && !any_worker_running())) return;
  for (int i = 0; i < lost; ++i) {
    if (servers_started_ == servers_.restarts) {
      if (servers_.restarts > 0)
        write_all_of(STDERR_FILENO,
                     fmt::format("convoy: no more parameter servers are started (--restarts {})\n",
                                 servers_.restarts));
      return;
    }
    ++servers_started_;
    try {
      const int number = served_->new_server();
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
    const std::string what =
        fmt::format("{} {} {}", worker.serves ? "parameter server" : "worker", worker.rank,
                    describe(*worker.process.ending(), worker.last_error_line));
    log_line(what);
    if (worker.serves) {
      ++servers_lost_;
    } else {
      last_loss_ = what;
      if (plan_.least > 0) workers_lost_.push_back(worker.rank);
    }
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

// Stopped processes, which the others have taken for lost, do not end by themselves.
void Supervisor::kill_the_silent() {
  if (served_ == nullptr || Clock::now() < look_for_silent_) return;
  look_for_silent_ = Clock::now() + look_for_silent_every;
  std::vector<pid_t> pids;
  for (const Worker& worker : workers_)
    if (worker.process.running()) pids.push_back(worker.process.pid());
  for (const pid_t pid : served_->silent(pids)) {
    const auto silent = std::find_if(workers_.begin(), workers_.end(), [&](const Worker& worker) {
      return worker.process.pid() == pid && worker.process.running();
    });
    log_line(
        fmt::format("{} {} (pid {}) sent no heartbeat for too long (--lost-after): it is killed",
                    silent->serves ? "parameter server" : "worker", silent->rank, pid));
    silent->process.signal(SIGKILL);
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
  if (goes_on_elsewhere()) return;
  if (consequence_) {
    // On other hosts the cause may yet be found.
    if (group_ == nullptr) decide(*consequence_);
  } else if (group_ == nullptr) {
    decide(outcome());
  } else if (!reported_done_) {
    reported_done_ = true;
    group_->workers_done(outcome());
    look_at_verdict();
  }
}

// All have ended, none with an error. Those that were killed may have been all there were.
Verdict Supervisor::outcome() const {
  if (served_ == nullptr || last_loss_.empty() || plan_.joined || served_->is_finished()) return {};
  return {1, fmt::format("no worker is left, and the run is not over; go on with --resume; the "
                         "last that was lost: {}",
                         last_loss_)};
}

void Supervisor::signal_workers(int signal) {
  for (const Worker& worker : workers_) {
    // The workers see to their servers' end. Where there are none, those that joined leave.
    const bool leaves = worker.serves && plan_.joined && signal == SIGTERM && !has_workers();
    worker.process.signal(leaves ? SIGUSR1 : signal);
  }
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
