#pragma once
// What a run with parameter servers has while it runs, shared by server_run.cpp (the workers) and
// server_tending.cpp (the run's folder).
#include <atomic>
#include <exception>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <thread>
#include <vector>

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
  std::map<std::int64_t, ServerStep> recent;  // bsp: what came of the last steps
  std::set<std::string> told;                 // processes that are there, as was told
  bool told_alone = false;                    // that this process cannot leave

  std::atomic<bool> left{false};  // this process leaves the others

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

}  // namespace convoy
