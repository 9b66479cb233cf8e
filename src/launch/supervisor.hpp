#pragma once
// Watches running workers: passes on what they write, finds the first failure, ends the rest.
#include <chrono>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "launch/host_group.hpp"
#include "launch/output_relay.hpp"
#include "launch/served_job.hpp"
#include "launch/signal_pipe.hpp"
#include "launch/worker_process.hpp"

namespace convoy {

/// Which processes of the job are on this host.
struct HostPlan {
  int first_rank = 0;
  int total = 1;  ///< workers on all hosts
  int host = 0;
  std::string rendezvous;
  int first_server = 0;
  int servers = 0;  ///< on all hosts
  int hosts = 1;
  int awaited = 0;      ///< workers that the first step waits for; 0: total
  int least = 0;        ///< with fewer workers the job is aborted; 0: workers are not replaced
  bool joined = false;  ///< the job goes on without this host
};

/// Workers or parameter servers of this host.
struct HostProcesses {
  std::vector<WorkerProcess> running;       ///< the first has the plan's first number
  std::function<WorkerProcess(int)> start;  ///< one more, with this number
  int restarts = 0;                         ///< that may be started in place of lost ones
};

class Supervisor {
 public:
  /// `group` is null for a job on one host, and where this host joined. `served` is null for a job
  /// without parameter servers. The end of a server is not the job's (the workers know whether they
  /// can go on): another one is started with a number that none had. Where the job has servers, the
  /// end of a worker who is killed is not either; with plan.least it is started anew.
  Supervisor(HostPlan plan, HostProcesses workers, HostProcesses servers,
             std::chrono::milliseconds grace, HostGroup* group, ServedJob* served,
             SignalPipe& signals);
  /// Until all workers have ended and, with a group, it is known how the job did.
  Verdict run();

 private:
  using Clock = std::chrono::steady_clock;
  struct Worker {
    WorkerProcess process;
    int rank;
    std::string last_error_line;
    bool serves = false;  // a parameter server, of which `rank` is the number
  };

  bool finished() const;
  bool any_running() const;
  bool any_worker_running() const;
  bool has_workers() const;
  bool goes_on_elsewhere() const;
  bool servers_are_done() const;
  bool can_spare(const Worker& worker);
  void wait_for_something();
  int patience() const;  // milliseconds
  void handle_signals();
  void interrupt();
  void reap();
  void judge(const Worker& worker);
  void replace_lost_servers();
  void replace_lost_workers();
  void require_enough_workers();
  Verdict outcome() const;
  void look_at_verdict();
  void look_at_clock();
  void kill_the_silent();
  void decide(const Verdict& verdict);
  void act_on(const Verdict& verdict);
  void settle_if_all_ended();
  void signal_workers(int signal);
  void pass_on(Worker& worker, const std::vector<std::string>& lines, int to);
  Verdict failure_of(const Worker& worker) const;

  HostPlan plan_;
  HostProcesses worker_processes_;  // how to start more; those that run are among workers_
  HostProcesses servers_;           // likewise
  std::vector<int> workers_lost_;   // that are not replaced yet
  int workers_started_ = 0;         // in place of lost ones
  std::string last_loss_;
  int servers_lost_ = 0;
  int servers_started_ = 0;
  std::vector<Worker> workers_;
  std::chrono::milliseconds grace_;
  HostGroup* group_;
  ServedJob* served_;
  SignalPipe& signals_;

  std::optional<Verdict> verdict_;
  std::optional<Verdict> consequence_;            // the first worker that lost another
  std::optional<Clock::time_point> cause_until_;  // when that will do as the cause
  std::optional<Clock::time_point> kill_at_;
  Clock::time_point look_for_silent_{};
  bool interrupted_ = false;
  bool stopping_ = false;
  bool reported_done_ = false;
  OutputRelay relay_;
};

}  // namespace convoy
