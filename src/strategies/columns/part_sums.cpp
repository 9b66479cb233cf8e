#include "strategies/columns/part_sums.hpp"

namespace convoy {
namespace {

void add_tensor(const Compute& device, const torch::Tensor& into, const torch::Tensor& from) {
  device.add(device.data(into), device.data(from), into.numel());
}

}  // namespace

PartSums::PartSums(const ColumnPartition& partition, const Compute& device) : device_(device) {
  const auto parts = static_cast<std::int64_t>(partition.parts.size());
  std::vector<Range> all;
  for (const Range& owned : partition.workers) {
    const std::vector<Range> nodes = cover(parts, owned);
    nodes_.push_back(nodes.size());
    all.insert(all.end(), nodes.begin(), nodes.end());
  }
  all_ = additions(parts, all);
  std::vector<Range> leaves;
  const Range own = partition.own_parts();
  for (std::int64_t part = own.begin; part < own.end; ++part) leaves.push_back({part, part + 1});
  own_ = plan_cover(parts, own, leaves);
}

std::vector<torch::Tensor> PartSums::add_own(std::vector<torch::Tensor> parts) const {
  for (const Addition& add : own_.additions) add_tensor(device_, parts[add.into], parts[add.from]);
  std::vector<torch::Tensor> sums;
  for (const std::int64_t root : own_.roots) sums.push_back(parts[root]);
  return sums;
}

torch::Tensor PartSums::add_all(const std::vector<torch::Tensor>& sums) const {
  for (const Addition& add : all_) add_tensor(device_, sums[add.into], sums[add.from]);
  return sums[0];
}

void TreeAdder::add(torch::Tensor leaf) {
  partial_.emplace_back(Range{next_, next_ + 1}, std::move(leaf));
  ++next_;
  while (partial_.size() >= 2) {
    auto& [left, into] = partial_[partial_.size() - 2];
    const auto& [right, from] = partial_.back();
    if (!are_siblings(leaves_, left, right)) return;
    add_tensor(device_, into, from);
    left.end = right.end;
    partial_.pop_back();
  }
}

}  // namespace convoy
