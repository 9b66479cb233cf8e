#include "train/training_group.hpp"

#include <utility>

#include "convoy/core/error.hpp"
#include "core/tensor_bytes.hpp"
#include "train/sharded_state.hpp"

namespace convoy {
namespace {

constexpr int state_tag = 1;
constexpr int inference_tag = 2;

std::int64_t gradient_bytes(const std::vector<Block>& blocks) {
  std::int64_t bytes = 0;
  for (const Block& block : blocks) bytes += block.count * static_cast<std::int64_t>(sizeof(float));
  return bytes;
}

std::size_t float_values(const SharedWeights& weights) {
  std::size_t values = 0;
  for (const auto& [name, tensor] : weights.buffers()) {
    if (tensor.is_floating_point()) values += static_cast<std::size_t>(tensor.numel());
  }
  return values;
}

}  // namespace

TrainingGroup::TrainingGroup(Communicator& group, SharedWeights& weights, Reduction& reduction,
                             const Options& options)
    : group_(group),
      weights_(weights),
      reduction_(reduction),
      compressed_(options.compressed),
      tuner_(gradient_bytes(reduction.blocks())) {
  if (options.replicated) sums_.resize(static_cast<std::size_t>(weights.size()));
  if (!options.own_steps) {
    news_ = std::make_unique<StepNewsExchange>(group, reduction.blocks(), options.lanes,
                                               options.worker_lanes, float_values(weights),
                                               counters_of(weights));
  }
  if (!options.own_steps && compressed_ == nullptr) {
    make_exchange(options);
    if (options.replicated) reduction_.place_results(sums_.data());
  }
  if (options.before != nullptr) {
    tuner_ = options.before->tuner_;
    tuning_ = options.before->tuning_;
    steps_ = options.before->steps_;
    exchanged_bytes_ = options.before->exchanged_bytes_;
    other_bytes_ = options.before->other_bytes_;
  }
  if (exchange_)
    use_buckets(options.bucket_bytes < 0 ? tuner_.bucket_bytes() : options.bucket_bytes);
  if (tuner_.done()) tuning_ = false;
  bytes_before_ = group_.bytes_sent();
}

void TrainingGroup::make_exchange(const Options& options) {
  exchange_ =
      std::make_unique<Exchange>(group_, reduction_.blocks(), options.lanes, options.worker_lanes);
  Trace::Track* track = nullptr;
  if (options.trace != nullptr) track = &options.trace->track("courier");
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
  const auto gradients =
      static_cast<std::size_t>(gradient_bytes(reduction_.blocks())) / sizeof(float);
  const std::span<float> sums = std::span(sums_).first(gradients);
  reduction_.copy_own_sums(sums.data());
  const std::uint64_t before = compressed_->bytes_sent();
  compressed_->add_up(step_, sums);
  count(compressed_->bytes_sent() - before);
  const float* at = sums.data();
  for (std::size_t b = 0; b < reduction_.blocks().size(); ++b) {
    reduction_.set_result(static_cast<int>(b), at);
    at += reduction_.blocks()[b].count;
  }
}

void TrainingGroup::cancel_step() {
  if (overlapping_) pipeline_->cancel();
}

void TrainingGroup::use_host_sums(float* flat) {
  host_sums_ = flat;
  sums_ = std::vector<float>(flat == nullptr ? static_cast<std::size_t>(weights_.size()) : 0);
  reduction_.place_results(flat == nullptr ? sums_.data() : flat);
}

void TrainingGroup::share_sums() {
  if (host_sums_ != nullptr) return exchange_->publish_to_holders(host_sums_);
  exchange_->publish(sums_.data());
  reduction_.take_sums_from(sums_.data());
}

void TrainingGroup::exchange_news(StepNews& news) {
  news_->exchange(news, reduction_.roots(), reduction_.squares());
  if (tuning_ && steps_ > 0) tuner_.add(news.seconds);  // of the step before
}

void TrainingGroup::publish() {
  exchange_->publish(weights_.data());
}

bool TrainingGroup::end_step() {
  ++steps_;
  const std::uint64_t sent =
      std::exchange(counted_, 0) + (exchange_ ? exchange_->take_bytes_sent() : 0);
  const std::uint64_t all = group_.bytes_sent();
  exchanged_bytes_ += sent;
  other_bytes_ += all - bytes_before_ - sent;
  bytes_before_ = all;
  if (!tuning_) return false;
  if (tuner_.bucket_bytes() != bucket_bytes_) use_buckets(tuner_.bucket_bytes());
  if (tuner_.done()) tuning_ = false;
  return tuner_.done();
}

double TrainingGroup::step_bytes() const {
  return steps_ == 0 ? 0 : static_cast<double>(exchanged_bytes_) / static_cast<double>(steps_);
}

double TrainingGroup::other_bytes() const {
  return steps_ == 0 ? 0 : static_cast<double>(other_bytes_) / static_cast<double>(steps_);
}

void TrainingGroup::distribute(SharedWeights& weights,
                               const std::vector<torch::Tensor>& flat_states,
                               std::vector<torch::Tensor>& own_states) {
  std::vector<torch::Tensor> none;
  distribute_from(0, weights, none);
  const std::vector<Block>& blocks = reduction_.blocks();
  for (std::size_t k = 0; k < own_states.size(); ++k) {
    if (!is_first()) {
      group_.recv(0, state_tag, bytes_of(own_states[k]));
      continue;
    }
    for (int worker = 1; worker < group_.size(); ++worker) {
      const torch::Tensor theirs = compact_state(blocks, worker, flat_states[k]);
      group_.send(worker, state_tag, bytes_of(theirs));
    }
    own_states[k] = compact_state(blocks, 0, flat_states[k]);
  }
}

void TrainingGroup::distribute_from(int source, SharedWeights& weights,
                                    std::vector<torch::Tensor>& states) {
  group_.broadcast(
      std::as_writable_bytes(std::span(weights.data(), static_cast<std::size_t>(weights.size()))),
      source);
  for (auto& [name, tensor] : weights.buffers()) group_.broadcast(bytes_of(tensor), source);
  for (torch::Tensor& state : states) group_.broadcast(bytes_of(state), source);
}

Inference TrainingGroup::gather(const Inference& mine) {
  using Json = nlohmann::json;
  const auto describe = [](const torch::Tensor& tensor) -> Json {
    if (!tensor.defined()) return nullptr;
    return {{"shape", tensor.sizes().vec()}, {"type", static_cast<int>(tensor.scalar_type())}};
  };
  const Json own = {{"outputs", describe(mine.outputs)},
                    {"target", describe(mine.target)},
                    {"samples", mine.samples.size()}};
  const std::vector<std::string> headers = group_.all_gather(own.dump());
  if (!is_first()) {
    for (const torch::Tensor& tensor : {mine.outputs, mine.target}) {
      if (tensor.defined()) group_.send(0, inference_tag, bytes_of(tensor.contiguous()));
    }
    group_.send(0, inference_tag, std::as_bytes(std::span(mine.samples)));
    return {};
  }
  Inference whole = mine;
  std::vector<torch::Tensor> outputs;
  std::vector<torch::Tensor> targets;
  if (mine.outputs.defined()) outputs.push_back(mine.outputs);
  if (mine.target.defined()) targets.push_back(mine.target);
  for (int worker = 1; worker < group_.size(); ++worker) {
    const Json header = Json::parse(headers[worker]);
    const auto receive = [&](const char* key, std::vector<torch::Tensor>& into) {
      if (header[key].is_null()) return;
      into.push_back(torch::empty(header[key]["shape"].get<std::vector<std::int64_t>>(),
                                  static_cast<torch::ScalarType>(header[key]["type"].get<int>())));
      group_.recv(worker, inference_tag, bytes_of(into.back()));
    };
    receive("outputs", outputs);
    receive("target", targets);
    std::vector<std::int64_t> samples(header["samples"].get<std::size_t>());
    group_.recv(worker, inference_tag, std::as_writable_bytes(std::span(samples)));
    whole.samples.insert(whole.samples.end(), samples.begin(), samples.end());
  }
  if (!outputs.empty()) whole.outputs = torch::cat(outputs);
  if (!targets.empty()) whole.target = torch::cat(targets);
  return whole;
}

void TrainingGroup::agree(const std::function<void()>& work) {
  std::exception_ptr own;
  std::string text;
  try {
    work();
  } catch (const std::exception& error) {
    own = std::current_exception();
    text = error.what();
    if (text.empty()) text = "unknown error";
  }
  const std::vector<std::string> all = group_.all_gather(text);
  if (own) std::rethrow_exception(own);
  for (std::size_t worker = 0; worker < all.size(); ++worker) {
    if (!all[worker].empty())
      throw PeerError(static_cast<int>(worker), fmt::format("worker {}: {}", worker, all[worker]));
  }
}

}  // namespace convoy
