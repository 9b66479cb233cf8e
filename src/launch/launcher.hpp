#pragma once
// Starts the workers of a job on this host, and sees them to their end.
#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "convoy/comm/rendezvous/rendezvous.hpp"

#pragma GCC visibility push(default)  // not public: the command, a library of its own, calls it

namespace convoy {

struct LaunchOptions {
  std::string program;                 ///< path of convoy, which serves what the workers need
  std::string worker_program;          ///< path of what the workers run; empty: `program`
  std::vector<std::string> arguments;  ///< of the workers, with the zeroth
  int workers = 1;                     ///< on this host
  int hosts = 1;
  std::optional<int> host;  ///< this one's number; without it, the order in which they come
  /// Needed for several hosts, as is the secret. Without it: any port of 127.0.0.1.
  std::optional<Endpoint> rendezvous;
  std::optional<Secret> secret;             ///< without it, a new one
  std::chrono::milliseconds wait{300'000};  ///< for all hosts to come
  std::chrono::milliseconds grace{5'000};   ///< from asking a worker to end to killing it
  /// The job goes on with so many workers or more, all hosts together; `workers` are started here,
  /// and replaced when they are lost.
  std::optional<int> least;
  /// Workers (with `least`) and, as often, parameter servers that may be replaced here.
  int restarts = 10;
  std::chrono::milliseconds lost_after{5'000};  ///< elastic, or with servers: without a heartbeat
  std::string store;  ///< elastic: where the job's state is kept; empty: a process of ours
  /// Parameter servers on this host; nothing: the job has none.
  std::optional<int> servers;
  /// With parameter servers: take part in a job that runs already, at `rendezvous`. `workers` may
  /// be 0.
  bool join = false;
  bool quiet = false;  ///< don't say how many workers there are
  const std::string& workers_run() const {
    return worker_program.empty() ? program : worker_program;
  }
};

/// Returns when every worker has ended, and none is left behind. 0 if all ended with 0, 130 if the
/// job was interrupted, else the status (128 + signal) of the worker that failed first, which it
/// names on stderr. A worker that ends with 75 lost another one: that one is looked for.
///
/// Workers find in their environment CONVOY_RANK, CONVOY_WORKERS, CONVOY_LOCAL_RANK,
/// CONVOY_LOCAL_WORKERS, CONVOY_HOST, CONVOY_HOSTS, CONVOY_RENDEZVOUS and CONVOY_SECRET_FD. Each
/// line that they write is passed on with their rank before it.
///
/// Handles SIGINT, SIGTERM, SIGHUP and SIGCHLD of the process meanwhile; call it from the main
/// thread. Throws what HostGroup throws, and IoError when the program cannot be started.
int launch(const LaunchOptions& options);

}  // namespace convoy

#pragma GCC visibility pop
