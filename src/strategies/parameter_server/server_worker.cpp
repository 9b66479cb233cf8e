#include "strategies/parameter_server/server_worker.hpp"

#include <algorithm>
#include <cmath>
#include <thread>

#include "compute/kernels.hpp"
#include "convoy/core/error.hpp"
#include "convoy/lanes/tree.hpp"
#include "core/random_number.hpp"
#include "core/split_mix.hpp"
#include "engine/optimizer_shards.hpp"
#include "server/lines.hpp"

namespace convoy {
namespace {

using server::Flag;
using server::Kind;
using server::Message;

constexpr std::int64_t usual_bucket = 1 << 20;  // bytes
constexpr std::int64_t largest_bucket = 32 << 20;

std::int64_t bucket_size(const StrategyOptions& strategy) {
  const std::int64_t bytes = bucket_bytes(strategy);
  if (bytes < 0) return usual_bucket;
  return bytes == 0 ? largest_bucket : std::min(bytes, largest_bucket);
}

}  // namespace

ServerWorker::ServerWorker(Network network, std::unique_ptr<server::Link> link, Options options)
    : options_(std::move(options)),
      weights_(*network.module, *options_.device),
      link_(std::move(link)),
      blocks_(make_blocks(weights_, static_cast<int>(link_->shards()))),
      shard_blocks_(link_->shards()),
      results_(static_cast<std::size_t>(options_.shared.lanes)) {
  options_.shared.weights = &weights_;
  replica_ = std::make_unique<Replica>(std::move(network), options_.shared, 0);
  for (std::size_t b = 0; b < blocks_.size(); ++b)
    shard_blocks_[static_cast<std::size_t>(blocks_[b].owner)].push_back(static_cast<int>(b));
  buckets_ = make_buckets(blocks_, bucket_size(options_.strategy));
  gradients_ = gradients_of_buckets(blocks_, buckets_);
  const CompressionOptions& compression = options_.strategy.compression;
  if (!is_compressed(compression)) return;
  codec_ = make_codec(compression);
  draws_ = random_number();
  for (std::uint32_t shard = 0; shard < link_->shards(); ++shard)
    owed_.emplace_back(state_size(blocks_, static_cast<int>(shard)), compression.error_feedback);
}

Message ServerWorker::request(Kind kind, std::uint32_t shard) const {
  Message message;
  message.kind = kind;
  message.shard = shard;
  message.task = task_;
  message.step = step_;
  return message;
}

void ServerWorker::wait_all(Ids& ids) {
  for (const std::uint64_t id : ids) link_->wait(id);
  ids.clear();
}

ServerTurn ServerWorker::next() {
  ++task_;
  Message take = request(Kind::take);
  if (!bsp() && options_.stop && options_.stop()) take.flags |= Flag::stop;
  const std::uint64_t asked = link_->start(std::move(take));
  if (pulls_.empty() && (!bsp() || expected_ >= 0)) start_pulls(task_, bsp() ? expected_ : 0);
  const server::Answer answer = link_->wait(asked);
  const Message& m = answer.message;
  ServerTurn turn{m.step, m.lanes, m.has(Flag::finished), m.has(Flag::stop)};
  if (m.numbers.size() >= 2) {
    turn.loss = m.numbers[0];
    turn.whole = static_cast<std::int64_t>(m.numbers[1]);
  }
  Pulled pulled;
  finish_pulls(pulled);
  if (bsp() ? expected_ != m.step : turn.finished) {
    if (bsp() && expected_ < 0) settle(m.step - 1);
    start_pulls(task_, bsp() ? m.step : 0);
    finish_pulls(pulled);
  } else if (prefetch()) {
    start_pulls(task_ + 1, 0);
  }
  // Where the servers are lost before all is here, the weights are those from before.
  use_buffers(m);
  take_in(pulled);
  expected_ = m.step + 1;
  step_ = m.step;
  return turn;
}

ServerStep ServerWorker::take_step(const ServerTurn& turn) {
  const auto begin = TimeUse::Clock::now();
  if (!turn.lanes.empty()) compute(turn.step, turn.lanes);
  if (options_.slowness > 0) {
    std::this_thread::sleep_for((TimeUse::Clock::now() - begin) * options_.slowness);
  }
  const auto clock = TimeUse::Clock::now();
  const ServerStep result = bsp() ? take_together(turn) : take_alone(turn);
  replica_->time_use().add(Activity::communicate, clock);
  return result;
}

// Forward and backward of some lanes, whose sums are on their way to the
// servers afterwards.
void ServerWorker::compute(std::int64_t step, Range lanes) {
  const bool ahead = options_.own.consistency != "async";
  if (!ahead || owned_ != lanes || owned_step_ != step)
    replica_->own(lanes, step, ahead ? options_.rules.steps : step + 1);
  owned_ = lanes;
  owned_step_ = step + 1;
  step_ = step;
  left_ = gradients_.counts;
  pushed_.assign(buckets_.size(), 0);
  replica_->compute(step, results_, this);
  if (codec_)
    push_compressed(lanes);
  else
    push_rest();
}

void ServerWorker::begin(int /*replica*/, std::vector<PartialSum>& sums) {
  sums_ = &sums;
}

void ServerWorker::ready(int /*replica*/, std::size_t gradient) {
  if (codec_) return;  // the sum of all the task's lanes travels, at the end
  for (const int bucket : gradients_.buckets_of[gradient])
    if (--left_[bucket] == 0) push_bucket(static_cast<std::size_t>(bucket));
}

void ServerWorker::push_rest() {
  for (std::size_t bucket = 0; bucket < buckets_.size(); ++bucket)
    if (pushed_[bucket] == 0) push_bucket(bucket);
}

// Blocks of a bucket that one shard has are neighbours there too.
void ServerWorker::push_bucket(std::size_t bucket) {
  pushed_[bucket] = 1;
  for (std::uint32_t shard = 0; shard < link_->shards(); ++shard) {
    std::vector<int> blocks;
    for (const int b : buckets_[bucket])
      if (blocks_[b].owner == static_cast<int>(shard)) blocks.push_back(b);
    if (blocks.empty()) continue;
    const std::int64_t first = blocks_[blocks.front()].state_begin;
    const Block& last = blocks_[blocks.back()];
    for (const PartialSum& sum : *sums_) {
      push_buffer_.assign(static_cast<std::size_t>(last.state_begin + last.count - first), 0);
      for (const int b : blocks) {
        const Block& block = blocks_[b];
        weights_.device().copy(push_buffer_.data() + (block.state_begin - first),
                               sum.data[block.gradient] + block.begin, block.count);
      }
      Message push = request(Kind::push, shard);
      push.lanes = sum.node;
      push.first = first;
      push.data = push_buffer_;
      server::ChosenLines lines = server::nonzero_lines(push_buffer_);
      if (lines.fewer) {
        push.count = static_cast<std::int64_t>(push_buffer_.size());
        push.flags |= Flag::lines;
        server::gather_lines(lines.runs, push_buffer_, packed_);
        push.rows = std::move(lines.runs);
        push.data = packed_;
      }
      pushes_.push_back(link_->start(std::move(push)));
    }
  }
}

// Of all lanes of the task, laid out as the shard.
std::span<float> ServerWorker::whole_sum(std::uint32_t shard) {
  push_buffer_.assign(static_cast<std::size_t>(state_size(blocks_, static_cast<int>(shard))), 0);
  for (const PartialSum& sum : *sums_) {
    for (const int b : shard_blocks_[shard]) {
      const Block& block = blocks_[b];
      weights_.device().add(push_buffer_.data() + block.state_begin,
                            sum.data[block.gradient] + block.begin, block.count);
    }
  }
  return push_buffer_;
}

void ServerWorker::push_compressed(Range lanes) {
  const std::uint64_t draw = mixed(draws_ + task_);
  for (std::uint32_t shard = 0; shard < link_->shards(); ++shard) {
    const std::span<float> sum = whole_sum(shard);
    const auto size = static_cast<std::int64_t>(sum.size());
    for (std::int64_t first = 0; first < size; first += most_floats) {
      const std::int64_t count = std::min(most_floats, size - first);
      const std::span<float> values = sum.subspan(first, count);
      if (!options_.strategy.compression.error_feedback) {
        const float gain = codec_->unbiased_gain(values.size());
        scale(values.data(), gain, count);
      }
      const std::size_t bytes = codec_->encoded_bytes(values.size());
      packed_.assign(server::floats_for(bytes), 0);
      owed_[shard].encode(*codec_, values, static_cast<std::size_t>(first), draw,
                          std::as_writable_bytes(std::span(packed_)).first(bytes));
      Message push = request(Kind::push, shard);
      push.lanes = lanes;
      push.first = first;
      push.count = count;
      push.rows = {draw};
      push.data = packed_;
      pushes_.push_back(link_->start(std::move(push)));
    }
  }
}

void ServerWorker::report(std::int64_t step, Range lanes) {
  Message message = request(Kind::report);
  message.step = step;
  message.lanes = lanes;
  for (std::int64_t lane = lanes.begin; lane < lanes.end; ++lane) {
    message.numbers.push_back(results_[lane].loss);
    message.count += options_.shared.schedule->lane_size(step, lane);
  }
  for (const PartialSum& sum : replica_->sums())
    message.numbers.insert(message.numbers.end(), sum.buffers.begin(), sum.buffers.end());
  const std::int64_t first = options_.shared.schedule->first_lane(step);
  if (lanes.begin <= first && first < lanes.end)
    message.text = bytes_of_counters(replica_->counters());
  message.rate = static_cast<double>(message.count) /
                 static_cast<double>(options_.shared.schedule->batch_size(step));
  if (options_.stop && options_.stop()) message.flags |= Flag::stop;
  link_->call(std::move(message));
}

double ServerWorker::scale_for(double norm) const {
  const double most = options_.rules.clip.norm;
  return most > 0 && norm > most ? static_cast<double>(static_cast<float>(most / norm)) : 1;
}

// bsp: the servers add what all workers pushed, and every worker decides the
// same about it.
ServerStep ServerWorker::take_together(const ServerTurn& turn) {
  wait_all(pushes_);
  if (!turn.lanes.empty()) report(turn.step, turn.lanes);
  Ids squares;
  for (std::uint32_t shard = 0; shard < link_->shards(); ++shard)
    squares.push_back(link_->start(request(Kind::squares, shard)));
  const auto losses = await_step_result(turn.step);
  ServerStep result;
  const double squared = squared_norm(squares);
  result.known = losses.has_value();
  if (!losses) return result;  // the others are past it
  result.loss = tree_sum(*losses);
  result.norm = std::sqrt(squared);
  result.skipped = !std::isfinite(result.loss) || !std::isfinite(squared);
  result.rate = options_.rules.rate(turn.step);
  if (result.skipped && !options_.rules.skip_nonfinite) return result;
  apply(turn.step, {0, options_.shared.lanes}, result, scale_for(result.norm), result.rate);
  return result;
}

// A worker that joins may find that the last one was lost when it had asked some of the servers to
// apply the step before, and not yet all of them.
void ServerWorker::settle(std::int64_t step) {
  if (step >= 0) take_together({.step = step, .lanes = {}});
}

// Waits until all of the step is reported, and does meanwhile what lost workers
// leave undone.
std::optional<std::vector<double>> ServerWorker::await_step_result(std::int64_t step) {
  while (true) {
    Message ask = request(Kind::step_result);
    ask.step = step;
    const server::Answer answer = link_->call(std::move(ask));
    const Message& m = answer.message;
    if (m.has(Flag::finished)) return std::nullopt;
    if (!m.has(Flag::orphan)) return m.numbers;
    compute(step, m.lanes);
    wait_all(pushes_);
    report(step, m.lanes);
  }
}

double ServerWorker::squared_norm(const Ids& asked) const {
  std::vector<std::vector<double>> squares;
  for (const std::uint64_t id : asked) squares.push_back(link_->wait(id).message.numbers);
  std::vector<std::size_t> next(squares.size(), 0);
  double sum = 0;
  for (const Block& block : blocks_) {
    const std::vector<double>& of_shard = squares[static_cast<std::size_t>(block.owner)];
    std::size_t& k = next[static_cast<std::size_t>(block.owner)];
    if (k < of_shard.size()) sum += of_shard[k++];
  }
  return sum;
}

// Of the sums of a task that is applied by itself.
double ServerWorker::own_squared_norm() const {
  const std::vector<PartialSum>& sums = replica_->sums();
  const Compute& device = weights_.device();
  double squares = 0;
  for (std::size_t g = 0; g < sums[0].data.size(); ++g) {
    const std::int64_t count = sums[0].gradients[g].numel();
    std::vector<Element> whole(static_cast<std::size_t>(count));
    device.copy(whole.data(), sums[0].data[g], count);
    for (std::size_t k = 1; k < sums.size(); ++k) device.add(whole.data(), sums[k].data[g], count);
    squares += device.sum_of_squares(whole.data(), count);
  }
  return squares;
}

// ssp, async: the gradient of the task is the mean over its samples, and moves
// the weights by the task's part of a step.
ServerStep ServerWorker::take_alone(const ServerTurn& turn) {
  ServerStep result;
  double samples = 0;
  double loss = 0;
  for (std::int64_t lane = turn.lanes.begin; lane < turn.lanes.end; ++lane) {
    samples += static_cast<double>(options_.shared.schedule->lane_size(turn.step, lane));
    loss += results_[lane].loss;
  }
  const double part =
      samples / static_cast<double>(options_.shared.schedule->batch_size(turn.step));
  wait_all(pushes_);
  if (samples > 0) {
    result.norm = std::sqrt(own_squared_norm()) / part;
    result.loss = loss / part;
    result.rate = options_.rules.rate(turn.step);
    result.skipped = !std::isfinite(loss) || !std::isfinite(result.norm);
    if (result.skipped && !options_.rules.skip_nonfinite) return result;
    if (!result.skipped) {
      apply(turn.step, turn.lanes, result, scale_for(result.norm) / part, result.rate * part);
      for (ErrorFeedback& owed : owed_) owed.commit();
    }
  }
  report(turn.step, turn.lanes);
  return result;
}

void ServerWorker::apply(std::int64_t step, Range lanes, const ServerStep& result, double scale,
                         double rate) {
  Ids applied;
  for (std::uint32_t shard = 0; shard < link_->shards(); ++shard) {
    Message message = request(Kind::apply, shard);
    message.step = step;
    message.lanes = lanes;
    message.scale = scale;
    message.rate = rate;
    message.clip = options_.rules.clip.value;
    if (result.skipped) message.flags |= Flag::skipped;
    applied.push_back(link_->start(std::move(message)));
  }
  wait_all(applied);
}

std::vector<std::string> ServerWorker::statistics() {
  std::vector<std::string> all;
  for (std::uint32_t shard = 0; shard < link_->shards(); ++shard)
    all.push_back(link_->call(request(Kind::statistics, shard)).message.text);
  return all;
}

void ServerWorker::close() {
  for (std::uint32_t shard = 0; shard < link_->shards(); ++shard)
    link_->call(request(Kind::close, shard));
}

}  // namespace convoy
