#pragma once
// Who made the loss or the gradient not finite. A step can be run again with the same bits, so the
// search costs nothing until it is needed.
#include "convoy/core/peers.hpp"
#include "convoy/engine/nonfinite.hpp"
#include "engine/replica.hpp"

namespace convoy {

/// Runs the lanes of `step` one by one, with the weights as they were, until one shows it.
NonFinite find_nonfinite(Replica& replica, const ReplicaShared& shared, std::int64_t step,
                         Range lanes, Peers* peers);

}  // namespace convoy
