#pragma once
// How the workers of a job join its rendezvous: whoever started them, they end up at one
// rendezvous.
#include <memory>
#include <string>

#include "convoy/comm/group.hpp"
#include "convoy/comm/rendezvous/rendezvous.hpp"

namespace convoy {

/// A worker's connection to the rendezvous; on worker 0 the server too, where the workers were not
/// started by `convoy launch`.
struct JoinedRendezvous {
  std::unique_ptr<RendezvousServer> server;
  std::unique_ptr<RendezvousClient> client;
};

JoinedRendezvous join_rendezvous(const WorkerPlace& place, std::chrono::milliseconds timeout);

/// The first host of a list as SLURM writes it: "n[07-09,12],login" -> "n07".
std::string first_host(const std::string& nodes);

}  // namespace convoy
