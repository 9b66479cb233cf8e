#include "model/linear_without_weight.hpp"

#include <algorithm>
#include <cmath>

#include "compute/host_tensor.hpp"

namespace convoy {

LinearWithoutWeightImpl::LinearWithoutWeightImpl(std::int64_t features, std::int64_t units,
                                                 bool with_bias, std::vector<Range> keep)
    : features_(features), units_(units), keep_(std::move(keep)) {
  for (const Range& range : keep_) kept.push_back(torch::zeros({units_, range.size()}));
  // torch::nn::Linear: kaiming_uniform_ with a = sqrt(5).
  const double inputs = std::sqrt(static_cast<double>(features_));
  const double bound = std::sqrt(3.0) * (std::sqrt(2.0 / (1 + 5.0)) / inputs);
  draw([bound](torch::Tensor weight) { weight.uniform_(-bound, bound); });
  if (!with_bias) return;
  bias = register_parameter("bias", torch::empty({units_}));
  const torch::NoGradGuard no_grad;
  bias.uniform_(-1 / inputs, 1 / inputs);
}

torch::Tensor LinearWithoutWeightImpl::forward(const torch::Tensor& products) {
  return bias.defined() ? products + bias : products;
}

void LinearWithoutWeightImpl::initialise(const InitialisationKind& kind) {
  const Fans fans{features_, units_};
  draw([&](torch::Tensor weight) { kind.fill(weight, fans); });
  const torch::NoGradGuard no_grad;
  if (bias.defined()) bias.zero_();
}

// libtorch draws for one element after the other (normal numbers for 16 at a time, and anew for the
// last 16 where something is left): so pieces that are multiples of 16, the last one longer, get
// what the whole would get.
void LinearWithoutWeightImpl::draw(const std::function<void(torch::Tensor)>& fill) {
  constexpr std::int64_t piece = 1 << 16;
  const torch::NoGradGuard no_grad;
  const std::int64_t size = features_ * units_;
  torch::Tensor buffer = torch::empty({std::min(size, 2 * piece)});
  for (std::int64_t at = 0; at < size;) {
    const std::int64_t rest = size - at;
    const torch::Tensor drawn = buffer.narrow(0, 0, rest < 2 * piece ? rest : piece);
    fill(drawn);
    keep_drawn(at, drawn);
    at += drawn.numel();
  }
}

// `drawn` are the elements of the weight from `at` on, row by row.
void LinearWithoutWeightImpl::keep_drawn(std::int64_t at, const torch::Tensor& drawn) {
  const Element* const values = values_of(drawn).data();
  const std::int64_t end = at + drawn.numel();
  for (std::int64_t unit = at / features_; unit * features_ < end; ++unit) {
    const std::int64_t row = unit * features_;
    for (std::size_t i = 0; i < keep_.size(); ++i) {
      const std::int64_t from = std::max(row + keep_[i].begin, at);
      const std::int64_t to = std::min(row + keep_[i].end, end);
      if (from >= to) continue;
      Element* const into = values_of(kept[i]).data() + unit * keep_[i].size();
      std::copy(values + (from - at), values + (to - at), into + (from - row - keep_[i].begin));
    }
  }
}

}  // namespace convoy
