#pragma once
// The first layer of a model whose features are partitioned by column: each worker has the weight's
// columns for its features, and multiplies them with its features of all samples.
//
// A product with the whole weight is the sum of the products of its parts, along the tree
// (lanes/tree.hpp) over the parts. Each part is multiplied by itself, in one product of a lane's
// samples, so that the bits depend on parts and lanes and not on who has them.
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "convoy/comm/communicator.hpp"
#include "convoy/model/columns.hpp"
#include "convoy/optim/optimizer.hpp"
#include "strategies/columns/part_sums.hpp"

namespace convoy {

/// One worker's part of it. A pass is over tasks: lanes of a step, or batches that are evaluated.
/// Methods that say which replica calls may be called by all replicas at once, the others by one
/// thread; collective ones by all workers.
class ColumnLayer {
 public:
  /// `group`: null for the only worker. `states`: of the optimizer. Call where random numbers are
  /// those of initial weights. `device`: where weights, gradients, sums and states are.
  ColumnLayer(const ColumnModel& model, Communicator* group, int states, const Compute& device);

  /// A pass of so many tasks begins: the rest of the network is run on task t by worker owners[t].
  void begin(std::vector<int> owners);
  /// Multiplies a task's batch, of this worker's features of all samples; any replica. `keep`:
  /// gradients will be asked for.
  void multiply(std::size_t task, Batch batch, bool keep);
  /// Collective: each product to the task's owner, who adds them up.
  void share_products();
  /// A task of this worker: the batch, whose features are the sums. Its gradient is taken from them
  /// if `keep`.
  Batch sums_of(std::size_t task, bool keep);

  /// Collective, after a backward pass of the tasks: the gradients of sums to all workers.
  void share_gradients();
  /// The gradient of this replica's share of the parts, over all tasks along their tree.
  void add_gradients(int replica, int replicas);
  /// Collective. Of the whole weight's gradient; not finite if any element is not.
  double squared_norm();
  void update(int replica, int replicas, const Optimizer& optimizer, const UpdateContext& context);

  std::int64_t parameters() const { return model_.model.units * partition().features(); }
  /// This worker's.
  std::int64_t bytes() const;
  /// Payload bytes that this worker sent in share_* since the last call.
  std::uint64_t take_bytes_sent() { return std::exchange(bytes_sent_, 0); }

  /// This worker's columns and the optimizer's state of them, to be written and restored: by names
  /// that `join_columns` (checkpoint/columns.hpp) knows.
  std::vector<std::pair<std::string, torch::Tensor>> worker_state() const;
  /// Collective: all columns of the weight (k = -1) or of the optimizer's k-th state, on worker 0;
  /// undefined elsewhere.
  torch::Tensor gather(int k) const;
  /// Collective. Worker 0's, to whom they belong; `whole` counts there alone: the weight, then the
  /// states.
  void scatter(const std::vector<torch::Tensor>& whole);

  int states() const { return states_; }
  const ColumnModel& model() const { return model_; }

 private:
  struct Part {
    std::int64_t number = 0;
    Range features;  // within this worker's
    torch::Tensor weight;
    torch::Tensor gradient;
    std::vector<double> squares;  // of the gradient's blocks, in order
    std::vector<torch::Tensor> states;
  };
  struct Task {
    int owner = 0;
    Batch batch;                          // without features
    std::vector<torch::Tensor> features;  // by own part, if kept
    std::vector<torch::Tensor> own;       // sums of this worker's nodes
    std::vector<torch::Tensor> all;       // of everybody's
    torch::Tensor sums;
    torch::Tensor gradient;  // of the sums
  };

  const ColumnPartition& partition() const { return model_.partition; }
  int rank() const { return group_ == nullptr ? 0 : group_->rank(); }
  int workers() const { return group_ == nullptr ? 1 : group_->size(); }
  int owner_of(std::int64_t part) const;
  std::span<const std::byte> outgoing(const torch::Tensor& buffer) const;
  std::span<std::byte> incoming(const torch::Tensor& buffer) const;
  void arrived(const torch::Tensor& buffer) const;
  torch::Tensor sum_of(const Task& task) const;
  torch::Tensor gradient_of(const Task& task, const torch::Tensor& features,
                            at::IntArrayRef sizes) const;
  torch::Tensor& array(Part& part, int k) const;
  torch::Tensor columns_of(const torch::Tensor& whole, std::int64_t part) const;

  const ColumnModel& model_;
  Communicator* group_;
  int states_;
  const Compute& device_;
  PartSums sums_;
  std::vector<Part> parts_;
  std::vector<Task> tasks_;
  std::uint64_t bytes_sent_ = 0;
};

}  // namespace convoy
