#pragma once
// A worker's side of an elastic job: it takes part in one generation of members after the other.
#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "convoy/comm/group.hpp"
#include "convoy/core/error.hpp"
#include "convoy/session/generation.hpp"

#pragma GCC visibility push(default)

namespace convoy {

/// The job goes on without this worker: it was declared lost, and must not go on by itself.
/// Exit 75.
class FencedError : public PeerError {
 public:
  using PeerError::PeerError;
};

/// What a worker does, as its heartbeats say: who is late is told from who waits for it.
enum class WorkerActivity { starting, computing, communicating };

struct MembershipOptions {
  int worker = 0;                            ///< this worker's number
  GroupOptions group;                        ///< transport and deadline of every generation's group
  std::chrono::milliseconds heartbeat{200};  ///< between heartbeats
  /// Without a heartbeat that reached the store: this worker may soon be declared lost.
  std::chrono::milliseconds lease{1'000};
  int local_workers = 1;  ///< that its launcher keeps
};

/// Thread-safe where it says so; the rest is for the thread that trains.
class Membership {
 public:
  /// Nothing when this process is no worker of an elastic job (CONVOY_WORKER is not set). Throws
  /// what open_store throws.
  static std::unique_ptr<Membership> from_environment(const GroupOptions& options);

  Membership(std::unique_ptr<Store> store, const MembershipOptions& options);
  ~Membership();
  Membership(const Membership&) = delete;
  Membership& operator=(const Membership&) = delete;

  int worker() const;
  int local_workers() const;

  struct Group {
    Generation generation;
    std::shared_ptr<Communicator> communicator;
  };
  /// Says that this worker can take part, waits for the next generation that it is in, and forms
  /// that one's group; without a communicator once this worker has left. Throws FencedError when it
  /// has been declared lost, PeerError when the store is lost for good, Interrupted when `stop`
  /// (may be null) is set while it waits. The communicator is aborted as soon as the generation
  /// cannot go on.
  Group join(const std::atomic<bool>* stop = nullptr);
  /// The changes up to the group that was joined which nobody has noted as logged; nobody logs
  /// those of the first generation. Who logged them may have been lost before it noted so.
  std::vector<MemberChange> unlogged_changes();
  /// Notes that the run's log has them.
  void changes_logged();
  /// Aborts the group, and tells whoever decides about members what went wrong in it.
  void report(const PeerError& error);
  /// This generation is to end after the step, since the next one is there; or it cannot go on,
  /// which a worker that trains alone notices by nothing else. Thread-safe.
  bool change_requested() const;
  /// Asks to be left out from the next generation on; goes on until then. Thread-safe.
  void request_leave();
  /// Whether a generation without this worker, which asked for it, is there. Thread-safe.
  bool has_left() const;

  /// Whether this worker cannot have been declared lost without knowing it. Whoever writes what
  /// the next one to do so might write too asks first. False once heartbeats have not reached
  /// the store for a while, until confirm(). Thread-safe.
  bool holds_lease() const;
  /// Waits until the store answers, and throws FencedError if this worker has been declared lost.
  void confirm();
  /// Calls `work`, on another thread, each time that holds_lease() becomes false.
  void on_lease_lost(std::function<void()> work);

  /// Goes with the heartbeats. Thread-safe.
  void set_progress(std::int64_t step, WorkerActivity activity);

  /// The value that the first worker that asked gave: the same for all workers of the job.
  std::string agree(const std::string& key, const std::string& mine);
  /// The job's work is done: from now on it does not matter who is lost.
  void job_done();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace convoy

#pragma GCC visibility pop
