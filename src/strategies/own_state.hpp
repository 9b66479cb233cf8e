#pragma once
// What is each worker's alone, in checkpoints: models between exchanges, what compression owes.
// There it is "workerN/NAME".
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "convoy/comm/communicator.hpp"
#include "convoy/compute/compute.hpp"
#include "convoy/strategies/strategy.hpp"

namespace convoy {

using OwnState = std::vector<std::pair<std::string, torch::Tensor>>;

/// All workers' own tensors of a checkpoint. Those of workers are ones of `device`, or of the host.
class OwnStates {
 public:
  OwnStates() = default;
  /// Takes them out of what was read.
  explicit OwnStates(TrainingState& state);

  /// Where it fits; else null.
  const torch::Tensor* find(int worker, const std::string& name, const torch::Tensor& like) const;

  /// Collective: `mine` becomes this worker's part of what worker 0 has; `states`: there. False on
  /// all, and nothing has changed, where that is not what all workers want.
  static bool restore(OwnStates& states, Communicator* group, const Compute& device,
                      const OwnState& mine);

 private:
  bool fits(const std::vector<std::string>& wanted) const;
  std::map<std::string, torch::Tensor> tensors_;
};

/// Collective: `source`'s tensors to the ranks `takers`, whose own are of the same sizes.
void copy_own_state(Communicator& group, const Compute& device, int source,
                    const std::vector<int>& takers, const OwnState& mine);

}  // namespace convoy
