#pragma once
// How a process joins the parameter servers of its job.
#include <string>

#include "convoy/comm/rendezvous/rendezvous.hpp"
#include "convoy/server/server_group.hpp"

#pragma GCC visibility push(default)  // not public: the command, a library of its own, calls it

namespace convoy {

/// Keys of the rendezvous: who coordinates the run; how it ended, once it has: served_to_the_end
/// when all is kept of it.
inline const std::string servers_coordinator = "servers/tender";
inline const std::string servers_over = "servers/over";
inline const std::string served_to_the_end = "finished";
/// All worker processes of the job: those that are lost or have left, those that have enlisted.
inline const std::string servers_processes = "servers/process/";
inline const std::string servers_gone = "servers/process/gone/";
inline const std::string servers_here = "servers/process/here/";
/// What the key of a process in servers_gone holds if it may run still: it was silent for too long.
std::string silent_process(const std::string& host_identity, int pid);
/// How long a process of the job may be silent: CONVOY_LOST_AFTER, in milliseconds, or 5 s.
std::chrono::milliseconds lost_after_from_environment();

struct ServerGroupOptions {
  int rank = 0;
  int workers = 1;  ///< that the first step waits for
  int servers = 1;
  int backups = 0;
  Endpoint rendezvous;
  Secret secret;
  std::chrono::milliseconds timeout{300'000};
  std::chrono::milliseconds lost_after{5'000};  ///< without a heartbeat
};

/// Throws PeerError, AuthenticationError.
std::shared_ptr<ServerGroup> join_servers(const ServerGroupOptions& options);

}  // namespace convoy

#pragma GCC visibility pop
