#pragma once
// The numbers a person expects of an evaluation.
#include <nlohmann/json.hpp>

#include "convoy/core/tensor.hpp"
#include "convoy/data/dataset/spec.hpp"
#include "convoy/metric/metric_kind.hpp"

#pragma GCC visibility push(default)

namespace convoy {

/// Metrics of `outputs` (what the model returned, float [n, ...]; logits for classification
/// [n, classes] and for binary [n, 1]) against `target` (as Batch::target), all in double and in
/// sample order, so that they do not depend on how the work was divided: everything that metrics()
/// has for the task. Convoy's own keys:
///   classification: accuracy, precision, recall, f1 (macro averages over the classes that occur),
///     roc_auc (one against rest, macro; absent when undefined, as when a class is missing from the
///     truth), confusion_matrix (rows: truth), per_class [{class, precision, recall, f1, support}];
///     no roc_auc and no matrix beyond 1,000 classes
///   binary: the same for the positive class at threshold 0.5, roc_auc, roc_curve (at most 200
///     points [fpr, tpr])
///   regression: mae, rmse, r2 (the mean over outputs), with per_output when there are several
/// The definitions are scikit-learn's, a division by zero giving 0. Samples whose outputs are not
/// numbers count as wrong and are counted in `invalid_outputs` (present only then); roc_auc and the
/// regression metrics are then absent. n = 0 gives an empty object. Throws InputError when the
/// shapes or targets do not fit the data.
nlohmann::ordered_json compute_metrics(const DataSpec& spec, const torch::Tensor& outputs,
                                       const torch::Tensor& target);

/// Class probabilities (classification: softmax [n, classes]; binary: [n, 2]) or the outputs
/// themselves (regression). A row's bits depend on that row alone.
torch::Tensor to_predictions(const DataSpec& spec, const torch::Tensor& outputs);

}  // namespace convoy

#pragma GCC visibility pop
