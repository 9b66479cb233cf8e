#include "train/reduction.hpp"

#include <algorithm>
#include <array>
#include <cmath>

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

Reduction::Reduction(const SharedWeights& weights, std::int64_t lanes, int owners) : lanes_(lanes) {
  std::size_t gradient = 0;
  std::int64_t total = 0;
  for (const Segment& segment : weights.segments()) {
    if (!segment.trainable) continue;
    for (std::int64_t begin = 0; begin < segment.count; begin += block_size) {
      const std::int64_t count = std::min(block_size, segment.count - begin);
      blocks_.push_back({gradient, begin, count, segment.offset + begin});
      total += count;
    }
    ++gradient;
  }
  squares_.resize(blocks_.size());
  std::int64_t passed = 0;
  std::int64_t next = 0;
  for (int owner = 0; owner < owners; ++owner) {
    const std::int64_t first = next;
    const std::int64_t goal = even_part(total, owners, owner).end;
    while (next < static_cast<std::int64_t>(blocks_.size()) &&
           (passed < goal || owner == owners - 1)) {
      passed += blocks_[next++].count;
    }
    owned_.push_back({first, next});
  }
}

void Reduction::begin(std::vector<PartialSum*> sums) {
  std::vector<Range> nodes;
  for (const PartialSum* sum : sums) nodes.push_back(sum->node);
  sums_ = std::move(sums);
  additions_ = additions(lanes_, nodes);
}

void Reduction::add_blocks(int owner) {
  for (std::int64_t b = owned_[owner].begin; b < owned_[owner].end; ++b) {
    const Block& block = blocks_[b];
    for (const Addition& add : additions_) {
      add_into(sums_[add.into]->data[block.gradient] + block.begin,
               sums_[add.from]->data[block.gradient] + block.begin, block.count);
    }
    squares_[b] = sum_of_squares(sums_[0]->data[block.gradient] + block.begin, block.count);
  }
}

double Reduction::squared_norm() const {
  double sum = 0;
  for (const double square : squares_) sum += square;
  return sum;
}

void Reduction::update_blocks(int owner, float* weights, const std::vector<float*>& state,
                              const Optimizer& optimizer, const UpdateContext& context) const {
  std::vector<float*> block_state(state.size());
  for (std::int64_t b = owned_[owner].begin; b < owned_[owner].end; ++b) {
    const Block& block = blocks_[b];
    for (std::size_t k = 0; k < state.size(); ++k) block_state[k] = state[k] + block.flat_begin;
    optimizer.update(weights + block.flat_begin, sums_[0]->data[block.gradient] + block.begin,
                     block_state, block.count, context);
  }
}

}  // namespace convoy
