#pragma once
// Adds a replica's last lane along the tree while its backward still runs, so that finished
// gradients can leave early.
#include <memory>
#include <vector>

#include "engine/replica.hpp"

namespace convoy {

/// Hooks into the parameters' gradient accumulators (as c10d's Reducer does). What it adds, and in
/// which order, is what Replica::fold does after the backward.
class Replica::Stream {
 public:
  Stream(const Compute& device, const std::vector<torch::Tensor>& trainable);
  ~Stream();

  /// Before the forward of the last lane, `lane`: `sums` are those of the lanes before it. From
  /// here to finish() it has its final entries.
  void begin(std::vector<PartialSum>& sums, std::int64_t lanes, std::int64_t lane, int replica,
             GradientSink& sink);
  /// After the backward: `leaf` has the lane's node and buffers. Gradients that did not come are
  /// zeros.
  void finish(PartialSum leaf);

 private:
  struct Hook;
  void take(std::size_t gradient);

  const Compute& device_;
  std::vector<torch::Tensor> trainable_;
  std::vector<std::shared_ptr<void>> accumulators_;  // alive as long as the hooks shall be called
  std::shared_ptr<Stream*> self_;                    // null when no lane is streamed
  std::vector<PartialSum>* sums_ = nullptr;
  std::vector<PartialSum> chain_;  // sums that the lane is added to on its way, right to left
  bool adds_to_last_ = false;      // else the last entry of sums_ is the lane's own
  std::vector<bool> taken_;
  GradientSink* sink_ = nullptr;
  int replica_ = 0;
};

}  // namespace convoy
