#include "train/reduction.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <iterator>
#include <numeric>

#include "core/vectorise.hpp"

namespace convoy {
namespace {

constexpr int lanes_of_sum = 16;  // partial sums kept side by side, one vector register of floats

CONVOY_VECTORISE void squares_loop(const float* values, std::int64_t count, float* partial) {
  for (std::int64_t i = 0; i < count; i += lanes_of_sum) {
    for (int k = 0; k < lanes_of_sum; ++k) partial[k] += values[i + k] * values[i + k];
  }
}

double exact_sum_of_squares(const float* values, std::int64_t count) {
  double sum = 0;
  for (std::int64_t i = 0; i < count; ++i) sum += static_cast<double>(values[i]) * values[i];
  return sum;
}

}  // namespace

CONVOY_VECTORISE void add_into(float* __restrict into, const float* __restrict from,
                               std::int64_t count) {
  for (std::int64_t i = 0; i < count; ++i) into[i] += from[i];
}

double sum_of_squares(const float* values, std::int64_t count) {
  std::array<float, lanes_of_sum> partial{};
  const std::int64_t whole = count / lanes_of_sum * lanes_of_sum;
  squares_loop(values, whole, partial.data());
  for (std::int64_t i = whole; i < count; ++i) partial[i - whole] += values[i] * values[i];
  double sum = 0;
  for (const float part : partial) sum += part;
  // Large finite elements overflow in float; doubles hold the square of any float.
  return std::isfinite(sum) ? sum : exact_sum_of_squares(values, count);
}

Reduction::Reduction(std::vector<Block> blocks, std::int64_t lanes, const Owner& owner)
    : blocks_(std::move(blocks)),
      lanes_(lanes),
      owned_lanes_(owner.lanes),
      alone_(owner.workers == 1),
      worker_(owner.worker),
      squares_(blocks_.size()),
      results_(blocks_.size()) {
  std::vector<int> all(blocks_.size());
  std::iota(all.begin(), all.end(), 0);
  std::vector<int> owned;
  std::copy_if(all.begin(), all.end(), std::back_inserter(owned),
               [&](int b) { return owner.updates_all || blocks_[b].owner == owner.worker; });
  all_shares_ = share_blocks(blocks_, all, owner.replicas);
  owned_shares_ = share_blocks(blocks_, owned, owner.replicas);
}

void Reduction::begin(std::vector<PartialSum*> sums) {
  std::vector<Range> nodes;
  for (const PartialSum* sum : sums) nodes.push_back(sum->node);
  sums_ = std::move(sums);
  const CoverPlan plan = plan_cover(lanes_, owned_lanes_, nodes);
  additions_ = plan.additions;
  roots_.clear();
  for (const std::int64_t root : plan.roots) roots_.push_back(sums_[root]);
}

void Reduction::add_blocks(int replica) {
  for (const int b : all_shares_[replica]) {
    add_block(b);
    if (alone_) set_result(b, roots_[0]->data[blocks_[b].gradient] + blocks_[b].begin);
  }
}

void Reduction::add_block(int b) const {
  const Block& block = blocks_[b];
  for (const Addition& add : additions_) {
    add_into(sums_[add.into]->data[block.gradient] + block.begin,
             sums_[add.from]->data[block.gradient] + block.begin, block.count);
  }
}

void Reduction::add_buffers() {
  for (const Addition& add : additions_) {
    std::vector<double>& into = sums_[add.into]->buffers;
    const std::vector<double>& from = sums_[add.from]->buffers;
    for (std::size_t i = 0; i < into.size(); ++i) into[i] += from[i];
  }
}

void Reduction::set_result(int block, const float* gradient) {
  results_[block] = gradient;
  squares_[block] = sum_of_squares(gradient, blocks_[block].count);
}

void Reduction::take_sums_from(const float* flat) {
  for (std::size_t b = 0; b < blocks_.size(); ++b) results_[b] = flat + blocks_[b].flat_begin;
}

void Reduction::copy_results(float* flat) const {
  for (std::size_t b = 0; b < blocks_.size(); ++b) {
    if (blocks_[b].owner == worker_)
      std::copy_n(results_[b], blocks_[b].count, flat + blocks_[b].flat_begin);
  }
}

double Reduction::squared_norm() const {
  double sum = 0;
  for (const double square : squares_) sum += square;
  return sum;
}

void Reduction::update_blocks(int replica, float* weights, const std::vector<float*>& state,
                              const Optimizer& optimizer, const UpdateContext& context) const {
  std::vector<float*> block_state(state.size());
  for (const int b : owned_shares_[replica]) {
    const Block& block = blocks_[b];
    for (std::size_t k = 0; k < state.size(); ++k) block_state[k] = state[k] + block.state_begin;
    optimizer.update(weights + block.flat_begin, results_[b], block_state, block.count, context);
  }
}

}  // namespace convoy
