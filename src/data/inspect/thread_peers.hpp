#pragma once
// The threads of one process as peers, so that what workers compute together replicas can too.
#include <functional>

#include "convoy/core/peers.hpp"

namespace convoy {

/// Runs `work` on `replicas` threads, each with its own peer, and returns when all have ended. If
/// some threw, rethrows the exception of the lowest rank.
void run_as_peers(int replicas, const std::function<void(Peers& peers)>& work);

}  // namespace convoy
