#include "engine/training_group.hpp"

#include <utility>

#include "compute/host_tensor.hpp"

namespace convoy {
namespace {

constexpr int published_tag = Communicator::max_tag - 2;

std::int64_t gradient_bytes(const std::vector<Block>& blocks) {
  std::int64_t bytes = 0;
  for (const Block& block : blocks)
    bytes += block.count * static_cast<std::int64_t>(sizeof(Element));
  return bytes;
}

std::size_t float_values(const FlatParameters& weights) {
  std::size_t values = 0;
  for (const auto& [name, tensor] : weights.buffers()) {
    if (tensor.is_floating_point()) values += static_cast<std::size_t>(tensor.numel());
  }
  return values;
}

}  // namespace

TrainingGroup::TrainingGroup(Communicator& group, FlatParameters& weights, Reduction& reduction,
                             const Options& options)
    : group_(group),
      weights_(weights),
      reduction_(reduction),
      compressed_(options.compressed),
      barrier_(group),
      bytes_(group, options.before == nullptr ? nullptr : &options.before->bytes_),
      tuner_(gradient_bytes(reduction.blocks())) {
  if (compressed_ != nullptr) {
    const std::int64_t bytes = gradient_bytes(reduction.blocks());
    compressed_sums_ = host_zeros({bytes / static_cast<std::int64_t>(sizeof(Element))});
  } else if (options.replicated) {
    sums_ = weights.device().zeros({weights.size()});
  }
  control_exchange_ = std::make_unique<ControlExchange>(group, reduction.blocks(), options.lanes,
                                                        options.worker_lanes, float_values(weights),
                                                        counters_of(weights));
  if (compressed_ == nullptr) {
    make_exchange(options);
    if (options.replicated) reduction_.place_results(weights.device().data(sums_));
  }
  if (options.before != nullptr) {
    tuner_ = options.before->tuner_;
    tuning_ = options.before->tuning_;
  }
  if (exchange_)
    use_buckets(options.bucket_bytes < 0 ? tuner_.bucket_bytes() : options.bucket_bytes);
  if (tuner_.done()) tuning_ = false;
}

void TrainingGroup::make_exchange(const Options& options) {
  exchange_ = std::make_unique<Exchange>(group_, weights_.device(), reduction_.blocks(),
                                         options.lanes, options.worker_lanes);
  Trace::Track* track = nullptr;
  if (options.trace != nullptr) track = &options.trace->track("communication");
  pipeline_ = std::make_unique<GradientPipeline>(*exchange_, reduction_, options.replicas, track);
  tuning_ = options.bucket_bytes < 0;
}

void TrainingGroup::use_buckets(std::int64_t bytes) {
  bucket_bytes_ = bytes;
  overlapping_ = bytes > 0;
  exchange_->set_buckets(make_buckets(reduction_.blocks(), bytes));
  pipeline_->use_buckets();
}

GradientSink* TrainingGroup::start_step(std::int64_t step) {
  step_ = step;
  if (!overlapping_) return nullptr;
  pipeline_->start(step);
  return pipeline_.get();
}

void TrainingGroup::reduce() {
  if (compressed_ != nullptr) return add_up_compressed();
  if (overlapping_) return pipeline_->join();
  exchange_->begin(reduction_.roots());
  exchange_->reduce(0, reduction_);
  exchange_->finish();
}

void TrainingGroup::add_up_compressed() {
  const std::span<Element> sums = values_of(compressed_sums_);
  reduction_.copy_own_sums(sums.data());
  const std::uint64_t before = compressed_->bytes_sent();
  compressed_->add_up(step_, sums);
  bytes_.count(compressed_->bytes_sent() - before);
  const Element* at = sums.data();
  for (std::size_t b = 0; b < reduction_.blocks().size(); ++b) {
    reduction_.set_result(static_cast<int>(b), at);
    at += reduction_.blocks()[b].count;
  }
}

void TrainingGroup::cancel_step() {
  if (overlapping_) pipeline_->cancel();
}

void TrainingGroup::use_host_sums(Element* flat) {
  const Compute& device = weights_.device();
  host_sums_ = flat;
  sums_ = device.zeros({flat == nullptr ? weights_.size() : 0});
  reduction_.place_results(flat == nullptr ? device.data(sums_) : flat);
}

void TrainingGroup::share_sums() {
  if (host_sums_ != nullptr) return exchange_->publish_to_holders(host_sums_);
  Element* const sums = weights_.device().data(sums_);
  exchange_->publish(sums);
  reduction_.take_sums_from(sums);
}

void TrainingGroup::exchange_control_message(ControlMessage& message) {
  control_exchange_->exchange(message, reduction_.roots(), reduction_.squares());
  if (tuning_ && bytes_.steps() > 0) tuner_.add(message.seconds);  // of the step before
}

// One pair of buffers on the host: each worker has the weights in one of them, and writes its
// blocks of the next ones into the other. No read and no write of an element meet:
// - The weights of step n are read between the barriers of steps n - 1 and n, by everybody, in
//   backward, evaluations and copies. Nobody writes them then: what is written is the other buffer.
// - That one, the weights of step n - 1, is written when a worker has all gradients of step n and
//   everybody's control message of it, which each of them sends when it has passed the barrier of
//   step n - 1: it is through with those weights.
// - A block is written by its owner alone; the blocks' owners depend on the weights and on how many
//   workers there are, not on who has which lanes, so they stay while the buffers are shared.
// - Whoever does not pass the barrier of step n keeps the weights of step n for good: nobody gets
//   everybody's control message of step n + 1 then, and so nobody writes them.
// Whatever writes weights elsewhere than in a step, and whoever leaves, makes them its own before
// (FlatParameters::separate). Each buffer keeps the segment mapped.
void TrainingGroup::share_weights() {
  if (local_ranks(group_).size() < group_.size()) return;
  const Compute& device = weights_.device();
  const std::int64_t count = weights_.size();
  // Not a whole number of pages: what is read and what is written fall into different lines of a
  // cache.
  const std::int64_t second = count + 5 * line_of_floats;
  const auto memory = make_host_shared_memory(
      group_, static_cast<std::size_t>(second + count) * sizeof(Element), [&](std::byte* begin) {
        if (group_.rank() != 0) return;
        auto* const elements = reinterpret_cast<Element*>(begin);
        device.copy(elements, weights_.data(), count);
        device.copy(elements + second, weights_.data(), count);
      });
  if (!memory) return;
  const auto buffer = [&](std::int64_t first) {
    std::byte* const begin = memory->data() + static_cast<std::size_t>(first) * sizeof(Element);
    return device.of_host_memory({memory->owner(), begin}, count);
  };
  const torch::Tensor now = buffer(0);
  for (const std::string& has : group_.all_gather(now.defined() ? "buffer" : ""))
    if (has.empty()) return;
  weights_.share(now, buffer(second));
}

void TrainingGroup::publish_next() {
  if (weights_.shared()) return barrier_.wait(published_tag);
  exchange_->publish(weights_.next());
}

bool TrainingGroup::end_step() {
  if (exchange_) bytes_.count(exchange_->take_bytes_sent());
  bytes_.end_step();
  if (!tuning_) return false;
  if (tuner_.bucket_bytes() != bucket_bytes_) use_buckets(tuner_.bucket_bytes());
  if (tuner_.done()) tuning_ = false;
  return tuner_.done();
}

}  // namespace convoy
