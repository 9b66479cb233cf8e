#pragma once
// Inference on networks and threads that exist already (the Trainer's own, between steps).
#include "convoy/infer/predict.hpp"
#include "core/replica_pool.hpp"

namespace convoy {

/// As Predictor::run. One network for each replica of the pool, in eval mode, with equal weights
/// and buffers. Of `parts` contiguous parts of the forward passes only part `part` is done: a
/// worker's share.
Inference run_inference(ReplicaPool& pool, std::span<Network* const> networks,
                        const Dataset& dataset, std::int64_t batch, std::uint64_t seed,
                        int part = 0, int parts = 1);

}  // namespace convoy
