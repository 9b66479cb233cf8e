#pragma once
// A model whose first layer is cut by its inputs, for partition.by: column.
#include <functional>
#include <string>
#include <vector>

#include "convoy/data/partition/columns.hpp"
#include "convoy/model/model.hpp"

#pragma GCC visibility push(default)

namespace convoy {

/// The first layer's weight and the rest of the model, the head. Together they begin with the bits
/// of the whole model for the same seed.
struct SplitModel {
  std::int64_t features = 0;  ///< inputs of the first layer
  std::int64_t units = 0;     ///< its outputs
  std::string weight;         ///< its weight's name in the whole model, [units, features]
  /// From the first layer's products with its weight, [n, units], to outputs. Its parameters are
  /// those of the whole model but for `weight`, with the same names, in the same order.
  ModelFactory head;
  /// The initial weight's columns: for each range a tensor [units, its size]. Draws as `head` does.
  /// No more of the weight is ever in memory at once.
  std::function<std::vector<torch::Tensor>(const std::vector<Range>&)> initial;
};

/// For the job's `model` keys; `spec` is of whole samples. Throws InputError where the model has no
/// list of layers or the first of them (after a flatten) is not linear, and as build_model does.
SplitModel split_model(const ModelOptions& options, const DataSpec& spec);

/// A model and who has which of its inputs.
struct ColumnModel {
  ColumnPartition partition;
  SplitModel model;
};

}  // namespace convoy

#pragma GCC visibility pop
