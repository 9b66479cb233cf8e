#include "engine/gradient_stream.hpp"

#include <torch/csrc/autograd/function.h>
#include <torch/csrc/autograd/function_hook.h>
#include <torch/csrc/autograd/variable.h>

#include "convoy/lanes/tree.hpp"

namespace convoy {

namespace {

void add_values(std::vector<double>& into, const std::vector<double>& from) {
  for (std::size_t i = 0; i < into.size(); ++i) into[i] += from[i];
}

}  // namespace

struct Replica::Stream::Hook final : torch::autograd::FunctionPostHook {
  Hook(std::shared_ptr<Stream*> stream, std::size_t number)
      : owner(std::move(stream)), gradient(number) {}
  torch::autograd::variable_list operator()(
      const torch::autograd::variable_list& outputs,
      const torch::autograd::variable_list& /*inputs*/) override {
    if (*owner != nullptr) (*owner)->take(gradient);
    return outputs;
  }
  std::shared_ptr<Stream*> owner;
  std::size_t gradient;
};

Replica::Stream::Stream(const Compute& device, const std::vector<torch::Tensor>& trainable)
    : device_(device), trainable_(trainable), self_(std::make_shared<Stream*>(nullptr)) {
  for (std::size_t i = 0; i < trainable_.size(); ++i) {
    auto accumulator = torch::autograd::impl::grad_accumulator(trainable_[i]);
    accumulator->add_post_hook(std::make_unique<Hook>(self_, i));
    accumulators_.push_back(std::make_shared<decltype(accumulator)>(std::move(accumulator)));
  }
}

Replica::Stream::~Stream() {
  *self_ = nullptr;
}

void Replica::Stream::begin(std::vector<PartialSum>& sums, std::int64_t lanes, std::int64_t lane,
                            int replica, GradientSink& sink) {
  sums_ = &sums;
  sink_ = &sink;
  replica_ = replica;
  taken_.assign(trainable_.size(), false);
  chain_.clear();
  Range node{lane, lane + 1};
  while (!sums.empty() && are_siblings(lanes, sums.back().node, node)) {
    node.begin = sums.back().node.begin;
    chain_.push_back(std::move(sums.back()));
    sums.pop_back();
  }
  adds_to_last_ = !chain_.empty();
  if (adds_to_last_) {
    sums.push_back(std::move(chain_.back()));
    chain_.pop_back();
    sums.back().node.end = node.end;
  } else {
    PartialSum own{node};
    own.gradients.resize(trainable_.size());
    own.data.resize(trainable_.size());
    sums.push_back(std::move(own));
  }
  sink.begin(replica, sums);
  *self_ = this;
}

void Replica::Stream::take(std::size_t gradient) {
  if (taken_[gradient]) return;
  taken_[gradient] = true;
  torch::Tensor own = take_gradient(device_, trainable_[gradient]);
  const Element* value = device_.data(own);
  const std::int64_t count = own.numel();
  for (PartialSum& sum : chain_) {
    device_.add(sum.data[gradient], value, count);
    value = sum.data[gradient];
  }
  PartialSum& last = sums_->back();
  if (adds_to_last_) {
    device_.add(last.data[gradient], value, count);
  } else {
    last.data[gradient] = device_.data(own);
    last.gradients[gradient] = std::move(own);
  }
  sink_->ready(replica_, gradient);
}

void Replica::Stream::finish(PartialSum leaf) {
  *self_ = nullptr;
  for (std::size_t i = 0; i < trainable_.size(); ++i) take(i);
  const std::vector<double>* right = &leaf.buffers;
  for (PartialSum& sum : chain_) {
    add_values(sum.buffers, *right);
    right = &sum.buffers;
  }
  if (adds_to_last_) {
    add_values(sums_->back().buffers, *right);
  } else {
    sums_->back().buffers = std::move(leaf.buffers);
  }
}

}  // namespace convoy
