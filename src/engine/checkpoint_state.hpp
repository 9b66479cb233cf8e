#pragma once
// Weights, buffers and optimizer state as a checkpoint holds them.
#include <string>
#include <vector>

#include "convoy/checkpoint/checkpoint.hpp"
#include "engine/flat_parameters.hpp"

namespace convoy {

/// A copy of the weights and buffers in the host's memory, with the optimizer state: `states`, flat
/// arrays in the layout of the weights that nobody else uses, become part of it.
CheckpointState capture_state(const FlatParameters& weights,
                              const std::vector<torch::Tensor>& states, std::int64_t step);

/// The reverse. Throws InputError, naming `file`, when the checkpoint is of another model.
void restore_state(const CheckpointState& state, const std::string& file, FlatParameters& weights,
                   std::vector<torch::Tensor>& states);

}  // namespace convoy
