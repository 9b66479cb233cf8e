#pragma once
// Losses by name. A loss is the mean over the samples it is given; the Trainer weighs lanes by
// their sample counts, so that the sum over lanes is the mean over the global batch.
#include <functional>
#include <string>

#include "convoy/core/tensor.hpp"
#include "convoy/data/dataset/dataset.hpp"

#pragma GCC visibility push(default)

namespace convoy {

struct Loss {
  std::string name;
  /// (output of the model, Batch::target) -> a scalar with gradient: the mean over the samples.
  /// Thread-safe.
  std::function<torch::Tensor(const torch::Tensor&, const torch::Tensor&)> mean;
};

/// cross_entropy: softmax and negative log likelihood, logits [n, classes], int64 [n].
/// log_loss: binary cross-entropy on logits [n, 1], targets 0 or 1 float [n, 1].
/// squared_error: mean over samples and outputs, [n, outputs] both.
/// auto: the one that fits the task. Throws InputError when name and task do not fit.
Loss make_loss(const std::string& name, const DataSpec& spec);

}  // namespace convoy

#pragma GCC visibility pop
