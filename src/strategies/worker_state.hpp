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

using WorkerState = std::vector<std::pair<std::string, torch::Tensor>>;

/// All workers' own tensors of a checkpoint. Those of workers are ones of `device`, or of the host.
class WorkerStates {
 public:
  WorkerStates() = default;
  /// Takes them out of what was read.
  explicit WorkerStates(CheckpointState& state);

  /// Where it fits; else null.
  const torch::Tensor* find(int worker, const std::string& name, const torch::Tensor& like) const;

  /// Collective: `mine` becomes this worker's part of what worker 0 has; `states`: there. False on
  /// all, and nothing has changed, where that is not what all workers want.
  static bool restore(WorkerStates& states, Communicator* group, const Compute& device,
                      const WorkerState& mine);

 private:
  bool fits(const std::vector<std::string>& wanted) const;
  std::map<std::string, torch::Tensor> tensors_;
};

/// Collective: `source`'s tensors to the ranks `takers`, whose own are of the same sizes.
void copy_worker_state(Communicator& group, const Compute& device, int source,
                       const std::vector<int>& takers, const WorkerState& mine);

}  // namespace convoy
