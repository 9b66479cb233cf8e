#pragma once
// The threads of a worker's replicas. The caller is replica 0; a phase is one function run by all
// of them.
#include <atomic>
#include <cfenv>
#include <cstdint>
#include <exception>
#include <functional>
#include <thread>
#include <vector>

namespace convoy {

/// Fork and join over a fixed set of threads. `run` is called by one thread at a time, the one that
/// made the pool. Each thread runs libtorch's operators single-threaded: how an operator divides
/// work over threads changes its bits; and all round as the caller does.
class ReplicaPool {
 public:
  explicit ReplicaPool(int replicas);
  ~ReplicaPool();
  ReplicaPool(const ReplicaPool&) = delete;
  ReplicaPool& operator=(const ReplicaPool&) = delete;

  int size() const { return static_cast<int>(threads_.size()) + 1; }

  /// Runs phase(r) for every replica r, phase(0) on the calling thread, and returns when all have
  /// ended. If some threw, rethrows the exception of the lowest replica.
  void run(const std::function<void(int)>& phase);

 private:
  void serve(int replica);
  void call(int replica);

  const std::function<void(int)>* phase_ = nullptr;
  std::fenv_t arithmetic_;  // the caller's: how it rounds, and whether denormals count as zero
  std::atomic<std::uint32_t> generation_{0};  // bumped to start a phase
  std::atomic<std::uint32_t> running_{0};
  std::atomic<bool> stopping_{false};
  std::vector<std::exception_ptr> errors_;
  std::vector<std::thread> threads_;
  int caller_threads_;  // the caller's intra-op setting, given back at the end
};

}  // namespace convoy
