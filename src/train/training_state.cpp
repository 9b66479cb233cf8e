#include "train/training_state.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <map>

#include "convoy/core/checksum.hpp"
#include "convoy/core/error.hpp"
#include "data/fingerprint.hpp"

namespace convoy {
namespace {

using Json = nlohmann::ordered_json;

torch::Tensor piece(const torch::Tensor& flat, const Segment& segment) {
  return flat.narrow(0, segment.offset, segment.count).view(segment.shape);
}

std::string text_of(const Json& value) {
  return value.is_null() ? "not set" : value.dump();
}

class StateReader {
 public:
  StateReader(const TrainingState& state, const std::string& file) : file_(file) {
    for (const auto& [name, tensor] : state.tensors) tensors_.emplace(name, tensor);
  }

  void read(const std::string& name, torch::Tensor into) {
    const auto found = tensors_.find(name);
    if (found == tensors_.end()) {
      throw InputError(fmt::format(
          "{}: is a checkpoint of another model or optimizer: it has no {}", file_, name));
    }
    if (found->second.sizes() != into.sizes() ||
        found->second.scalar_type() != into.scalar_type()) {
      throw InputError(
          fmt::format("{}: is a checkpoint of another model: {} is [{}] there and [{}] here", file_,
                      name, fmt::join(found->second.sizes(), ", "), fmt::join(into.sizes(), ", ")));
    }
    into.copy_(found->second);
    tensors_.erase(found);
  }

  void require_all_read() const {
    if (tensors_.empty()) return;
    throw InputError(
        fmt::format("{}: is a checkpoint of another model or optimizer: this one has no {}", file_,
                    tensors_.begin()->first));
  }

 private:
  std::string file_;
  std::map<std::string, torch::Tensor> tensors_;
};

}  // namespace

Json run_identity(const Job& job, std::int64_t batch, std::int64_t lanes, std::int64_t samples,
                  const std::string& loss, const Json& model_meta, const Column& values) {
  const OptimizerOptions& o = job.train.optimizer;
  const ScheduleOptions& s = job.train.schedule;
  Json identity = {{"seed", job.seed},
                   {"train.batch", batch},
                   {"train.lanes", lanes},
                   {"train.last_batch", job.train.last_batch},
                   {"partition.order", job.partition.order},
                   {"partition.assign", job.partition.assign},
                   {"loss", loss},
                   {"train.optimizer.kind", o.kind},
                   {"train.optimizer.rate", o.rate},
                   {"train.optimizer.momentum", o.momentum},
                   {"train.optimizer.nesterov", o.nesterov},
                   {"train.optimizer.weight_decay", o.weight_decay},
                   {"train.optimizer.beta1", o.beta1},
                   {"train.optimizer.beta2", o.beta2},
                   {"train.optimizer.epsilon", o.epsilon},
                   {"train.schedule.kind", s.kind},
                   {"train.schedule.warmup", s.warmup},
                   {"train.schedule.every", s.every},
                   {"train.schedule.factor", s.factor},
                   {"train.schedule.floor", s.floor},
                   {"train.clip.norm", job.train.clip.norm},
                   {"train.clip.value", job.train.clip.value},
                   {"the number of training samples", samples}};
  if (job.partition.by == "size") {
    identity["partition.tokens"] = job.partition.tokens;
    identity["partition.bucket"] = job.partition.bucket;
  }
  if (job.partition.by == "value" || job.partition.by == "size") {
    identity["partition.by"] = job.partition.by;
    identity["the values that samples are partitioned by"] = values_checksum(values);
  }
  if (job.partition.block > 1) identity["partition.block"] = job.partition.block;
  if (job.partition.by == "column") {
    identity["partition.by"] = job.partition.by;
    identity["partition.columns"] = job.partition.columns;
  }
  if (model_meta.contains("fitted")) {
    const std::string text = model_meta["fitted"].dump();
    identity["the fitted preprocessing"] =
        fmt::format("{:016x}", xxh3(std::as_bytes(std::span(text.data(), text.size()))));
  }
  return identity;
}

Json strategy_identity(const StrategyOptions& s, int workers) {
  Json identity = Json::object();
  if (s.compression.kind != "none") {
    identity["strategy.compression.kind"] = s.compression.kind;
    identity["strategy.compression.part"] = s.compression.part;
    identity["strategy.compression.rank"] = s.compression.rank;
    identity["strategy.compression.block"] = s.compression.block;
    identity["strategy.compression.error_feedback"] = s.compression.error_feedback;
  }
  if (s.kind != "local_sgd" && s.kind != "elastic_averaging" && s.kind != "gossip") return identity;
  identity["strategy.kind"] = s.kind;
  identity["strategy.average_every"] = s.average_every;
  if (workers > 0) identity["the number of workers"] = workers;
  if (s.kind == "local_sgd") {
    identity["strategy.outer.rate"] = s.outer.rate;
    identity["strategy.outer.momentum"] = s.outer.momentum;
    identity["strategy.outer.nesterov"] = s.outer.nesterov;
  }
  if (s.kind == "elastic_averaging") identity["strategy.elasticity"] = s.elasticity;
  if (s.kind == "gossip") identity["strategy.neighbours"] = s.neighbours;
  return identity;
}

TrainingState capture_state(const SharedWeights& weights, const std::vector<torch::Tensor>& states,
                            const Progress& progress) {
  TrainingState state;
  state.step = progress.step;
  for (const Segment& segment : weights.segments()) {
    state.tensors.emplace_back("parameter/" + segment.name, weights.view(segment).clone());
  }
  for (const auto& [name, tensor] : weights.buffers())
    state.tensors.emplace_back("buffer/" + name, tensor.clone());
  for (std::size_t k = 0; k < states.size(); ++k) {
    for (const Segment& segment : weights.segments()) {
      if (!segment.trainable) continue;
      state.tensors.emplace_back(fmt::format("optimizer{}/{}", k, segment.name),
                                 piece(states[k], segment));
    }
  }
  state.meta["progress"] = {
      {"updates", progress.updates}, {"skipped", progress.skipped}, {"seconds", progress.seconds}};
  return state;
}

Progress restore_state(const TrainingState& state, const std::string& file, SharedWeights& weights,
                       std::vector<torch::Tensor>& states) {
  const torch::NoGradGuard no_grad;
  StateReader reader(state, file);
  for (const Segment& segment : weights.segments())
    reader.read("parameter/" + segment.name, weights.view(segment));
  for (auto& [name, tensor] : weights.buffers()) reader.read("buffer/" + name, tensor);
  for (std::size_t k = 0; k < states.size(); ++k) {
    for (const Segment& segment : weights.segments()) {
      if (segment.trainable)
        reader.read(fmt::format("optimizer{}/{}", k, segment.name), piece(states[k], segment));
    }
  }
  reader.require_all_read();
  try {
    const Json& progress = state.meta.at("progress");
    return {state.step, progress.at("updates"), progress.at("skipped"), progress.at("seconds")};
  } catch (const Json::exception&) {
    throw InputError(fmt::format("{}: does not say how far its run had come", file));
  }
}

void require_same_identity(const Json& stored, const Json& ours, const std::string& file) {
  Json wanted = ours;
  for (const auto& [key, value] : stored.items()) {
    if (key.starts_with("strategy.") && !ours.contains(key)) wanted[key] = nullptr;
  }
  for (const auto& [key, value] : wanted.items()) {
    const Json theirs = stored.is_object() && stored.contains(key) ? stored[key] : Json();
    if (theirs == value) continue;
    throw InputError(fmt::format(
        "{}: cannot be continued by this job: {} was {} and is now {}; use the same value, or "
        "another --out to start afresh",
        file, key, text_of(theirs), text_of(value)));
  }
}

}  // namespace convoy
