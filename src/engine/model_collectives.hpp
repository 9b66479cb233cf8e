#pragma once
// What the workers of a group do together beside steps. All functions are collective.
#include <functional>
#include <vector>

#include "convoy/comm/communicator.hpp"
#include "engine/blocks.hpp"
#include "engine/flat_parameters.hpp"
#include "infer/inference.hpp"

namespace convoy {

/// Runs `work` on all workers; if one threw, all throw: its own exception there, PeerError naming
/// it elsewhere. (While data is loaded: agree in data/peers/agree.hpp, whose others throw
/// InputError.)
void agree(Communicator& group, const std::function<void()>& work);

/// The pieces of an inference, in rank order, to worker 0; nothing for the others.
Inference gather_inference(Communicator& group, const Inference& mine);

/// Rank `source`'s bytes of a tensor, or of a view of a buffer, everywhere, or to one other rank.
void broadcast_tensor(Communicator& group, const Compute& device, int source,
                      const torch::Tensor& tensor);
void send_tensor(Communicator& group, const Compute& device, int to, int tag,
                 const torch::Tensor& tensor);
void receive_tensor(Communicator& group, const Compute& device, int from, int tag,
                    const torch::Tensor& tensor);

/// Rank `source`'s weights, buffers and `states` everywhere.
void broadcast_weights(Communicator& group, int source, FlatParameters& weights,
                       std::vector<torch::Tensor>& states);

/// Worker 0's `flat_states`, laid out as the weights, to the owners of their blocks: what each
/// keeps is in `local_states`, of the right sizes before.
void scatter_states(Communicator& group, const Compute& device, const std::vector<Block>& blocks,
                    const std::vector<torch::Tensor>& flat_states,
                    std::vector<torch::Tensor>& local_states);

}  // namespace convoy
