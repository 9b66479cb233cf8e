#pragma once
// Along the tree over parts: what a worker adds up of its own, and how the sums become one.
#include <vector>

#include "convoy/core/tensor.hpp"
#include "convoy/data/partition/columns.hpp"
#include "convoy/lanes/tree.hpp"

namespace convoy {

class PartSums {
 public:
  /// Of tensors that are buffers of `device`.
  PartSums(const ColumnPartition& partition, const Compute& device);

  /// How many sums a worker's parts come to.
  std::size_t nodes(int worker) const { return nodes_[static_cast<std::size_t>(worker)]; }
  /// This worker's parts, one tensor each, become its nodes' sums. In place.
  std::vector<torch::Tensor> add_own(std::vector<torch::Tensor> parts) const;
  /// All workers' sums, in order, become one. In place.
  torch::Tensor add_all(const std::vector<torch::Tensor>& sums) const;

 private:
  const Compute& device_;
  std::vector<std::size_t> nodes_;
  CoverPlan own_;
  std::vector<Addition> all_;
};

/// Adds up tensors of the leaves of a tree over `leaves`, which come in order.
class TreeAdder {
 public:
  TreeAdder(std::int64_t leaves, const Compute& device) : leaves_(leaves), device_(device) {}
  void add(torch::Tensor leaf);
  /// After the last leaf.
  torch::Tensor sum() const { return partial_.front().second; }

 private:
  std::int64_t leaves_;
  const Compute& device_;
  std::int64_t next_ = 0;
  std::vector<std::pair<Range, torch::Tensor>> partial_;
};

}  // namespace convoy
