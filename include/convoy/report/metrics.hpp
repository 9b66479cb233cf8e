#pragma once
// The numbers a person expects of an evaluation.
#include <torch/torch.h>

#include <nlohmann/json.hpp>

#include "convoy/data/dataset.hpp"

namespace convoy {

/// Metrics of `outputs` (what the model returned, float [n, ...]; logits for classification [n, classes] and for
/// binary [n, 1]) against `target` (as Batch::target), all in double and in sample order, so that they do not depend
/// on how the work was divided. Keys:
///   classification: accuracy, precision, recall, f1 (macro averages), roc_auc (one against rest, macro; absent when
///     undefined), confusion_matrix (rows: truth), per_class [{class, precision, recall, f1, support}]
///   binary: the same for the positive class at threshold 0.5, roc_auc, roc_curve (at most 200 points [fpr, tpr])
///   regression: mae, rmse, r2 (over all outputs), with per_output when there are several
/// n = 0 gives an empty object.
nlohmann::ordered_json compute_metrics(const DataSpec& spec, const torch::Tensor& outputs,
                                       const torch::Tensor& target);

/// Whether more is better (accuracy, f1, roc_auc, r2, precision, recall) or less (loss, mae, rmse).
bool higher_is_better(const std::string& metric);

/// Class probabilities (classification: softmax [n, classes]; binary: [n, 2]) or the outputs themselves (regression).
torch::Tensor to_predictions(const DataSpec& spec, const torch::Tensor& outputs);

}  // namespace convoy
