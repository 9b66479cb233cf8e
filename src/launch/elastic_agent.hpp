#pragma once
// The workers of an elastic job on this host: started, replaced when they are lost, ended.
#include <chrono>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "launch/launcher.hpp"
#include "launch/output_relay.hpp"
#include "launch/rendezvous_process.hpp"
#include "launch/signal_pipe.hpp"
#include "launch/worker_process.hpp"
#include "session/coordinator.hpp"

namespace convoy {

class ElasticAgent {
 public:
  /// `server` may be null: the store is served elsewhere.
  ElasticAgent(const LaunchOptions& options, std::string store, const Secret& secret,
               Coordinator& coordinator, RendezvousProcess* server, SignalPipe& signals);
  /// Until the job has ended and none of the workers is left.
  Verdict run();

 private:
  using Clock = std::chrono::steady_clock;
  struct Worker {
    int number;
    WorkerProcess process;
    Clock::time_point since;
    std::string last_error_line;
    std::string lost_reason;  // why it was declared lost, if it was
  };

  bool finished() const;
  bool any_running() const;
  void kill_outsiders();
  void start_due();
  void start_worker(int number);
  void wait_for_something();
  int patience() const;  // milliseconds
  void handle_signals();
  void reap();
  void judge(Worker& worker);
  void replace(const Worker& worker, const std::string& reason);
  void do_without(const Worker& worker, const std::string& reason, const std::string& why);
  void look_at_state();
  void decide(const Verdict& verdict);
  void look_at_clock();
  void signal_workers(int signal);
  void pass_on(Worker& worker, const std::vector<std::string>& lines, int to);

  const LaunchOptions& options_;
  std::string store_;
  const Secret& secret_;
  Coordinator& coordinator_;
  RendezvousProcess* server_;
  SignalPipe& signals_;
  OutputRelay relay_;

  std::vector<std::unique_ptr<Worker>> workers_;
  std::deque<Clock::time_point> due_;  // workers to start, and when
  int restarts_ = 0;
  int losses_in_a_row_ = 0;  // of workers that lived for a short while only
  std::optional<Verdict> verdict_;
  std::optional<Clock::time_point> kill_at_;
  bool interrupted_ = false;
};

}  // namespace convoy
