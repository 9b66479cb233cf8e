#pragma once
// Who made the loss or the gradient not finite. A step can be run again with the same bits, so the
// search costs nothing until it is needed.
#include <string>
#include <vector>

#include "convoy/core/peers.hpp"
#include "train/replica.hpp"

namespace convoy {

struct NonFinite {
  std::string what;        ///< "the loss is nan", "the gradient of 2.weight is not finite", ...
  std::int64_t lane = -1;  ///< -1: no single lane; the sum over lanes overflowed
  std::vector<std::int64_t>
      samples;  ///< the lane's samples, or those among them whose features are not finite
};

/// Runs the lanes of `step` one by one, with the weights as they were, until one shows it.
NonFinite find_nonfinite(Replica& replica, const ReplicaShared& shared, std::int64_t step,
                         Range lanes, Peers* peers);

/// "step 12: the loss is nan in lane 3, samples 5, 17 and 30 more"
std::string describe(const NonFinite& found, std::int64_t step);

}  // namespace convoy
