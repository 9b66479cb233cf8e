#pragma once
// Starts the processes that measure what does not run in the workers (measure/peer_channel.hpp).
#include <sched.h>

#include <filesystem>
#include <string>

#include "bench/measure/peer_channel.hpp"
#include "launch/worker_process.hpp"

namespace convoy::bench {

/// What the workers know when they start peers; equal on all of them, but for the rank.
struct PeerSetup {
  Seat seat;
  std::filesystem::path folder;  ///< that they share
  std::string program;           ///< this one
  std::string python;            ///< that has torch
  std::string hosts;             ///< name of the Hosts they are on; empty: one host
  cpu_set_t cores{};             ///< that a peer may use
  std::shared_ptr<Communicator> control;
};

/// This worker's peer of a group of peers.
class PeerGroup {
 public:
  PeerGroup() = default;
  PeerGroup(PeerGroup&&) = default;
  PeerGroup& operator=(PeerGroup&&) = default;
  /// Hangs up, and sees the process to its end.
  ~PeerGroup();

  std::string missing;  ///< why it is not here, one line; empty if it is
  std::string version;  ///< what it calls itself
  std::unique_ptr<Party> party(const std::string& name) const { return peer_party(channel_, name); }

 private:
  friend class PeerStarter;
  std::unique_ptr<WorkerProcess> process_;
  std::shared_ptr<PeerChannel> channel_;
};

/// Collective: a Python for each worker, that runs gloo_peer.py.
PeerGroup start_gloo_peers(const PeerSetup& setup);

/// Collective: worker 0 starts `mpirun`, with `arguments` of its own, and that run_mpi_peer for
/// each worker.
PeerGroup start_mpi_peers(const PeerSetup& setup, const std::string& group,
                          const std::vector<std::string>& arguments);

}  // namespace convoy::bench
