#pragma once
// A launcher's thread that keeps the job's store: it publishes what happened here, sees what
// happened elsewhere, and, if this launcher is the coordinator, decides who takes part.
#include <sys/types.h>

#include <chrono>
#include <condition_variable>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "convoy/comm/rendezvous/store.hpp"
#include "session/decision.hpp"
#include "session/verdict.hpp"

namespace convoy {

struct CoordinatorOptions {
  int workers = 0;                              ///< that this launcher starts at first
  int least = 1;                                ///< members that train
  int launchers = 1;                            ///< that are expected at the start
  std::chrono::milliseconds gather{30'000};     ///< as DecisionOptions
  std::chrono::milliseconds lost_after{5'000};  ///< without a heartbeat
  /// How long a launcher that cannot reach the store tries to.
  std::chrono::milliseconds store_patience{30'000};
  /// Between looks at the store; five times as long while all goes well.
  std::chrono::milliseconds look{30};
};

/// Thread-safe. Any number of launchers may have one, of one store: the coordinator is one of them,
/// and another one takes over when its heartbeats end. All that it decides is in the store.
class Coordinator {
 public:
  /// What this launcher knows of the job.
  struct State {
    Generation latest;
    std::map<int, std::string> lost;  ///< of all launchers' workers, why
    std::optional<Verdict> verdict;   ///< how the job ended: status 0 once its work is done
    int launchers = 1;  ///< those that have not gone, or may yet come back to ask how it ended
  };

  /// Throws what the store throws.
  Coordinator(std::unique_ptr<Store> store, const CoordinatorOptions& options);
  ~Coordinator();
  Coordinator(const Coordinator&) = delete;
  Coordinator& operator=(const Coordinator&) = delete;

  int launcher() const { return launcher_; }
  /// A number that no worker had before; nothing while the store has not given one yet.
  std::optional<int> take_number();
  void worker_started(int worker, pid_t pid);
  /// It has ended, or is to be ended: it will not take part again.
  void worker_lost(int worker, const std::string& reason);
  /// No more workers will be started here.
  void exhausted(const std::string& reason);
  /// The first that any launcher gives holds.
  void give_verdict(const Verdict& verdict);
  /// This launcher is about to end.
  void gone();

  State state() const;
  /// Readable when the state may have changed; cleared by state().
  int descriptor() const { return event_; }

 private:
  using Clock = std::chrono::steady_clock;
  using Listing = std::map<std::string, std::string>;
  // What is looked at to see whether it still changes.
  struct Heartbeat {
    std::string value;
    Clock::time_point changed;
  };

  void post(std::string key, std::string value);
  void serve();
  void look();
  void publish_posts();
  void keep_numbers();
  void notify() const;
  void watch_heartbeats(const Listing& alive);
  std::optional<double> silent_seconds(const std::string& key) const;
  bool has_gone(int launcher, const Listing& launchers, std::chrono::milliseconds patience) const;
  bool is_coordinator(const Listing& launchers);
  bool has_gained(std::int64_t generation) const;
  void follow_generations();
  JobView view(const Listing& workers);
  bool is_settled();
  void declare_silent(JobView& view);
  void look_at_suspicions(JobView& view);
  void lead(const Listing& workers, const Listing& launchers);
  void judge(const JobView& view, const Listing& launchers);
  void update_state(const Listing& workers, const Listing& launchers);
  bool is_calm(const Listing& workers) const;

  CoordinatorOptions options_;
  std::unique_ptr<Store> store_;
  int launcher_ = 0;
  int event_ = -1;

  // The thread's own.
  Generation latest_;
  bool calm_ = false;
  std::int64_t heartbeats_sent_ = 0;
  std::map<std::string, Heartbeat> heartbeats_;
  Clock::time_point looked_ = Clock::now();  // at them
  std::optional<Clock::time_point> first_ready_;
  std::optional<Clock::time_point> suspected_;
  std::int64_t suspected_generation_ = 0;
  std::map<std::int64_t, std::int64_t> best_step_;  // by generation, as the heartbeats say
  int fruitless_ = 0;

  mutable std::mutex mutex_;
  std::condition_variable wake_;
  std::vector<std::pair<std::string, std::string>> posts_;
  State state_;
  std::deque<int> numbers_;  // for workers to come
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace convoy
