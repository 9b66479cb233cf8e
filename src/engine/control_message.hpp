#pragma once
// The control message of a step: the small things that workers send each other: losses, norms,
// running statistics.
#include <cstdint>
#include <vector>

#include "convoy/comm/communicator.hpp"
#include "engine/reduction.hpp"
#include "engine/replica.hpp"

namespace convoy {

/// What a step came to, the same on all workers.
struct ControlMessage {
  std::vector<double> losses;   ///< by lane
  std::vector<double> buffers;  ///< float buffers of all lanes, each times its samples
  /// Buffers that are not float, as the first lane with samples left them.
  std::vector<torch::Tensor> counters;
  double seconds = 0;                   ///< the longest that a worker needed for the step before
  bool stop = false;                    ///< somebody was asked to stop
  std::vector<double> compute_seconds;  ///< by worker: in the replicas
  std::vector<int> replicas;            ///< by worker
  bool change = false;                  ///< the members shall change after this step
};

class ControlExchange {
 public:
  /// `float_values` and `counters`: the elements and the tensors of the weights' buffers.
  ControlExchange(Communicator& group, const std::vector<Block>& blocks, std::int64_t lanes,
                  std::vector<Range> worker_lanes, std::size_t float_values,
                  std::vector<torch::Tensor> counters);

  /// Sends everybody this worker's part (of `message`: its lanes' losses, its entry of
  /// compute_seconds and replicas, its counters if its lanes had samples, seconds, stop; `roots`:
  /// its sums) and fills in the others'. `squares` by block likewise.
  void exchange(ControlMessage& message, const std::vector<PartialSum*>& roots,
                std::vector<double>& squares);

 private:
  struct Worker {
    Range lanes;
    std::vector<Range> nodes;
    std::vector<int> blocks;
    std::vector<std::byte> message;
  };
  void write(Worker& worker, const ControlMessage& message, const std::vector<PartialSum*>& roots,
             const std::vector<double>& squares) const;

  Communicator& group_;
  std::size_t float_values_;
  std::vector<torch::Tensor> counters_;
  std::vector<Worker> workers_;
  std::vector<Addition> additions_;  // of all workers' nodes
};

}  // namespace convoy
