#pragma once
// A loss is the mean over the samples it is given; the Trainer weighs lanes by their sample counts,
// so that the sum over lanes is the mean over the global batch.
#include <string>

#include "convoy/core/tensor.hpp"
#include "convoy/data/dataset/dataset.hpp"
#include "convoy/loss/loss_kind.hpp"
#include "convoy/loss/options.hpp"

#pragma GCC visibility push(default)

namespace convoy {

/// One of losses(), or the user's own: any name and function.
struct Loss {
  std::string name;
  LossFunction mean;
  schema::AnyOptions options =
      {};  ///< that it was made with; a run goes on with the same ones only
};

/// By `kind`. Throws InputError for one that there is not, and where loss and task do not fit.
Loss make_loss(const LossOptions& options, const DataSpec& spec);

/// The same with the options' defaults. Convoy's own:
/// cross_entropy: softmax and negative log likelihood, logits [n, classes], int64 [n].
/// log_loss: binary cross-entropy on logits [n, 1], targets 0 or 1 float [n, 1].
/// squared_error: mean over samples and outputs, [n, outputs] both.
/// auto: the one that fits the task.
Loss make_loss(const std::string& kind, const DataSpec& spec);

}  // namespace convoy

#pragma GCC visibility pop
