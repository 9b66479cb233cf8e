#include "engine/replica.hpp"

#include <ATen/TensorOperators.h>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <numeric>

#include "compute/host_tensor.hpp"
#include "convoy/core/error.hpp"
#include "convoy/lanes/random.hpp"
#include "convoy/lanes/tree.hpp"
#include "core/aligned.hpp"
#include "engine/gradient_stream.hpp"

namespace convoy {
namespace {

// How many batches a replica reads ahead: many when they are small, since waking the reader costs
// more than reading a few samples; few when they are large.
std::size_t prefetch_depth(const DataSpec& spec, std::int64_t samples) {
  constexpr std::size_t memory = 8 << 20;
  std::size_t bytes = sizeof(float) * static_cast<std::size_t>(std::max<std::int64_t>(1, samples));
  for (const std::int64_t extent : spec.feature_shape) bytes *= static_cast<std::size_t>(extent);
  return std::clamp<std::size_t>(memory / std::max<std::size_t>(1, bytes), 2, 32);
}

// libtorch's messages carry a C++ backtrace after the first line.
std::string first_line(const std::exception& error) {
  const std::string text = error.what();
  return text.substr(0, text.find('\n'));
}

}  // namespace

void ReplicaShared::read_ahead(std::int64_t step) const {
  if (!ahead) return;
  for (const Range& samples : schedule->next_blocks(step)) ahead->read_ahead(samples);
}

Batch ReplicaShared::read_lane(std::int64_t step, std::int64_t lane) const {
  if (inputs != nullptr) return inputs->input(lane);
  const std::vector<std::int64_t> samples = schedule->lane_samples(step, lane);
  Batch batch = read_samples(step, samples);
  batch.features = aligned(std::move(batch.features));
  batch.target = aligned(std::move(batch.target));
  return batch;
}

Batch ReplicaShared::read_samples(std::int64_t step,
                                  const std::vector<std::int64_t>& samples) const {
  if (!augmentation || augmentation->empty()) return dataset->read(samples);
  return dataset->read_changed(
      samples, [&](std::span<float> features, std::size_t position, float largest) {
        const auto sample = static_cast<std::uint64_t>(samples[position]);
        augmentation->apply(
            features,
            derive_seed(seed, RandomPurpose::augment, static_cast<std::uint64_t>(step), sample),
            largest);
      });
}

std::unique_ptr<Prefetcher> read_lanes_ahead(const ReplicaShared& shared, Range lanes,
                                             std::int64_t step, std::int64_t end) {
  const auto read = [shared, lanes, end, s = step,
                     lane = lanes.begin]() mutable -> std::optional<Batch> {
    if (s >= end) return std::nullopt;
    if (lane == lanes.begin) shared.read_ahead(s);
    Batch batch = shared.read_lane(s, lane);
    if (++lane == lanes.end) {
      lane = lanes.begin;
      ++s;
    }
    return batch;
  };
  std::int64_t most = 0;
  for (std::int64_t lane = lanes.begin; lane < lanes.end; ++lane)
    most = std::max(most, shared.schedule->lane_size(step, lane));
  return std::make_unique<Prefetcher>(read, prefetch_depth(shared.dataset->spec(), most));
}

Replica::Replica(Network network, const ReplicaShared& shared, int number)
    : network_(std::move(network)), shared_(shared), number_(number) {
  shared_.weights->bind(*network_.module);
  for (const auto& [name, tensor] : distinct_parameters(*network_.module)) {
    if (tensor.requires_grad()) trainable_.push_back(tensor);
  }
  for (const auto& [name, tensor] : distinct_buffers(*network_.module)) {
    buffers_.push_back(tensor);
    if (tensor.is_floating_point()) float_buffer_values_ += tensor.numel();
  }
}

Replica::~Replica() = default;

void Replica::own(Range lanes, std::int64_t step, std::int64_t end) {
  owned_ = lanes;
  prefetcher_.reset();
  if (!lanes.empty() && shared_.inputs == nullptr)
    prefetcher_ = read_lanes_ahead(shared_, lanes, step, end);
}

void Replica::compute(std::int64_t step, std::vector<LaneResult>& results, GradientSink* sink) {
  sums_.clear();
  counters_.clear();
  for (std::int64_t lane = owned_.begin; lane < owned_.end; ++lane) {
    time_use_.at(step, lane);
    auto clock = TimeUse::Clock::now();
    const Batch batch = prefetcher_ ? prefetcher_->next() : shared_.read_lane(step, lane);
    time_use_.add(Activity::load, clock);
    if (sink != nullptr && lane + 1 == owned_.end) {
      stream_lane(step, lane, batch, results[lane], *sink);
      break;
    }
    PartialSum sum = run_lane(step, lane, batch, results[lane]);
    clock = TimeUse::Clock::now();
    fold(std::move(sum));
    time_use_.add(Activity::reduce, clock);
  }
  time_use_.at(step);
}

PartialSum Replica::compute_lane(std::int64_t step, std::int64_t lane, LaneResult& result) {
  return run_lane(step, lane, shared_.read_lane(step, lane), result);
}

PartialSum Replica::run_lane(std::int64_t step, std::int64_t lane, const Batch& batch,
                             LaneResult& result) {
  const Range leaf{lane, lane + 1};
  if (batch.size() == 0) {
    result = {0, batch.samples};
    return zero_gradients(device(), trainable_, float_buffer_values_, leaf);
  }
  run_network(step, lane, batch, result);
  PartialSum sum = take_gradients(device(), trainable_, leaf);
  collect_buffers(sum, batch.size());
  return sum;
}

void Replica::run_network(std::int64_t step, std::int64_t lane, const Batch& batch,
                          LaneResult& result) {
  const LaneRandom random(derive_seed(shared_.seed, RandomPurpose::forward, step, lane));
  const Compute::TorchScope scope(device());
  shared_.weights->copy_buffers_to(*network_.module);
  auto clock = TimeUse::Clock::now();
  torch::Tensor loss;
  try {
    const double part =
        static_cast<double>(batch.size()) / static_cast<double>(shared_.schedule->batch_size(step));
    loss = shared_.loss->mean(network_.forward(batch.features), batch.target) * part;
    clock = time_use_.add(Activity::forward, clock);
    loss.backward();
  } catch (const c10::Error& error) {
    if (batch.size() == 1 && has_batch_norm(*network_.module)) {
      throw InputError(fmt::format(
          "step {}: lane {} has one sample and batch norm needs two; set {}", step + 1, lane,
          shared_.schedule->has_even_lanes()
              ? "train.last_batch to drop, or train.lanes lower"
              : "train.lanes lower, train.batch higher, or partition.by to row"));
    }
    throw InputError(fmt::format("step {}, lane {}: the model failed on samples of shape [{}]: {}",
                                 step + 1, lane, fmt::join(batch.features.sizes().slice(1), ", "),
                                 first_line(error)));
  }
  result = {loss.item<double>(), batch.samples};
  time_use_.add(Activity::backward, clock);
}

void Replica::stream_lane(std::int64_t step, std::int64_t lane, const Batch& batch,
                          LaneResult& result, GradientSink& sink) {
  if (!stream_) stream_ = std::make_unique<Stream>(device(), trainable_);
  stream_->begin(sums_, shared_.lanes, lane, number_, sink);
  PartialSum leaf{{lane, lane + 1}};
  if (batch.size() == 0) {
    result = {0, batch.samples};
    leaf.buffers.assign(float_buffer_values_, 0);
  } else {
    run_network(step, lane, batch, result);
    collect_buffers(leaf, batch.size());
  }
  stream_->finish(std::move(leaf));
}

void Replica::collect_buffers(PartialSum& sum, std::int64_t samples) {
  sum.buffers.reserve(float_buffer_values_);
  const bool first = counters_.empty();
  for (const torch::Tensor& buffer : buffers_) {
    if (buffer.is_floating_point()) {
      for (const double value : doubles_of(buffer))
        sum.buffers.push_back(value * static_cast<double>(samples));
    } else if (first) {
      counters_.push_back(device().host_copy(buffer));
    }
  }
}

void Replica::fold(PartialSum sum) {
  sums_.push_back(std::move(sum));
  while (sums_.size() >= 2 &&
         are_siblings(shared_.lanes, sums_[sums_.size() - 2].node, sums_.back().node)) {
    add_sibling(device(), sums_[sums_.size() - 2], sums_.back());
    sums_.pop_back();
  }
}

}  // namespace convoy
