#pragma once
// Which samples made a step's loss or gradient not finite.
#include <cstdint>
#include <string>
#include <vector>

#pragma GCC visibility push(default)

namespace convoy {

struct NonFinite {
  std::string what;        ///< "the loss is nan", "the gradient of 2.weight is not finite", ...
  std::int64_t lane = -1;  ///< -1: no single lane; the sum over lanes overflowed
  std::vector<std::int64_t>
      samples;  ///< the lane's samples, or those among them whose features are not finite
};

/// "step 12: the loss is nan in lane 3, samples 5, 17 and 30 more"
std::string describe(const NonFinite& found, std::int64_t step);

}  // namespace convoy

#pragma GCC visibility pop
