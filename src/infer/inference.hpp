#pragma once
// Inference on networks and threads that exist already (the Trainer's own, between steps).
#include "convoy/infer/predict.hpp"
#include "core/replica_pool.hpp"

namespace convoy {

/// What a forward pass of some samples gave.
struct InferredPiece {
  torch::Tensor output;
  torch::Tensor target;
  std::vector<std::int64_t> samples;
};

/// One forward pass; `begin` is the first sample's number in the dataset.
InferredPiece infer_batch(Network& network, Batch batch, std::int64_t begin, std::uint64_t seed);

/// Pieces in the order of their samples.
Inference join_pieces(std::vector<InferredPiece>& pieces);

/// As Predictor::run. One network for each replica of the pool, in eval mode, with equal weights
/// and buffers. Of `parts` contiguous parts of the forward passes only part `part` is done: a
/// worker's share.
Inference run_inference(ReplicaPool& pool, std::span<Network* const> networks,
                        const Dataset& dataset, std::int64_t batch, std::uint64_t seed,
                        int part = 0, int parts = 1);

}  // namespace convoy
