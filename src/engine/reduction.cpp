#include "engine/reduction.hpp"

#include <algorithm>
#include <iterator>
#include <numeric>

namespace convoy {

Reduction::Reduction(const Compute& device, std::vector<Block> blocks, std::int64_t lanes,
                     const Owner& owner)
    : device_(device),
      blocks_(std::move(blocks)),
      lanes_(lanes),
      owned_lanes_(owner.lanes),
      alone_(owner.workers == 1),
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
    if (alone_) set_result(b, join_roots(b));
  }
}

// A worker that owns all lanes has one root; one that takes steps of its own may have more.
const Element* Reduction::join_roots(int b) const {
  const Block& block = blocks_[b];
  Element* sum = roots_[0]->data[block.gradient] + block.begin;
  for (std::size_t r = 1; r < roots_.size(); ++r)
    device_.add(sum, roots_[r]->data[block.gradient] + block.begin, block.count);
  return sum;
}

void Reduction::add_block(int b) const {
  const Block& block = blocks_[b];
  for (const Addition& add : additions_) {
    device_.add(sums_[add.into]->data[block.gradient] + block.begin,
                sums_[add.from]->data[block.gradient] + block.begin, block.count);
  }
}

void Reduction::add_buffers() {
  for (const Addition& add : additions_) {
    std::vector<double>& into = sums_[add.into]->buffers;
    const std::vector<double>& from = sums_[add.from]->buffers;
    for (std::size_t i = 0; i < into.size(); ++i) into[i] += from[i];
  }
  for (std::size_t r = 1; alone_ && r < roots_.size(); ++r) {
    std::vector<double>& into = roots_[0]->buffers;
    for (std::size_t i = 0; i < into.size(); ++i) into[i] += roots_[r]->buffers[i];
  }
}

void Reduction::set_result(int block, const Element* gradient) {
  const std::int64_t count = blocks_[block].count;
  results_[block] = gradient;
  if (placed_ != nullptr) {
    Element* const place = placed_ + blocks_[block].flat_begin;
    device_.copy(place, gradient, count);
    results_[block] = place;
  }
  squares_[block] = device_.sum_of_squares(results_[block], count);
}

void Reduction::take_sums_from(const Element* flat) {
  for (std::size_t b = 0; b < blocks_.size(); ++b) results_[b] = flat + blocks_[b].flat_begin;
}

void Reduction::copy_own_sums(Element* values) const {
  for (const Block& block : blocks_) {
    if (roots_.empty()) device_.set_zero(values, block.count);
    for (std::size_t r = 0; r < roots_.size(); ++r) {
      const Element* const from = roots_[r]->data[block.gradient] + block.begin;
      if (r == 0)
        device_.copy(values, from, block.count);
      else
        device_.add(values, from, block.count);
    }
    values += block.count;
  }
}

double Reduction::squared_norm(double before) const {
  double sum = before;
  for (const double square : squares_) sum += square;
  return sum;
}

void Reduction::update_blocks(int replica, Element* weights, const std::vector<Element*>& state,
                              const UpdateRule& optimizer, const UpdateContext& context) const {
  std::vector<Element*> places(state.size());
  for (const int b : owned_shares_[replica]) {
    const Block& block = blocks_[b];
    for (std::size_t k = 0; k < state.size(); ++k) places[k] = state[k] + block.state_begin;
    device_.update(optimizer, weights + block.flat_begin, results_[b], places, block.count,
                   context);
  }
}

void Reduction::update_blocks(int replica, const Element* weights,
                              const std::vector<Element*>& state, Element* new_weights,
                              const std::vector<Element*>& new_state, const UpdateRule& optimizer,
                              const UpdateContext& context) const {
  std::vector<Element*> from(state.size());
  std::vector<Element*> to(new_state.size());
  for (const int b : owned_shares_[replica]) {
    const Block& block = blocks_[b];
    for (std::size_t k = 0; k < state.size(); ++k) {
      from[k] = state[k] + block.state_begin;
      to[k] = new_state[k] + block.state_begin;
    }
    device_.update(optimizer, weights + block.flat_begin, results_[b], from,
                   new_weights + block.flat_begin, to, block.count, context);
  }
}

}  // namespace convoy
