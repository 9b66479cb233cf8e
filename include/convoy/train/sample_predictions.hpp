#pragma once
// Some samples with what the model says of them, for people to look at.
#include <filesystem>

#include "convoy/core/tensor.hpp"
#include "convoy/data/dataset/dataset.hpp"

#pragma GCC visibility push(default)

namespace convoy {

/// Writes `samples.json` into the run's folder: for each row of `batch` its target, prediction,
/// confidence, and an image (feature shapes [h, w], [1, h, w], [3, h, w]) or named features.
/// `outputs` as compute_metrics takes them.
void write_samples(const std::filesystem::path& run, const DataSpec& spec, const Batch& batch,
                   const torch::Tensor& outputs);

}  // namespace convoy

#pragma GCC visibility pop
