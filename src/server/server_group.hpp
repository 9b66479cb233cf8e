#pragma once
// How a process joins the parameter servers of its job.
#include "convoy/comm/rendezvous.hpp"
#include "convoy/server/server_group.hpp"

namespace convoy {

struct ServerGroupOptions {
  int rank = 0;
  int workers = 1;
  int servers = 1;
  int backups = 0;
  Endpoint rendezvous;
  Secret secret;
  std::chrono::milliseconds timeout{300'000};
};

/// Throws PeerError, AuthenticationError.
std::shared_ptr<ServerGroup> join_servers(const ServerGroupOptions& options);

}  // namespace convoy
