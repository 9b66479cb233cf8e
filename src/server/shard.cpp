#include "server/shard.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <nlohmann/json.hpp>

#include "compute/kernels.hpp"
#include "core/random_number.hpp"
#include "schema/json.hpp"
#include "server/lines.hpp"

namespace convoy::server {
namespace {

using Json = nlohmann::json;

constexpr std::int64_t most_elements = std::int64_t{1} << 34;
constexpr std::int64_t most_lanes = 1 << 20;
constexpr std::int64_t most_steps = std::int64_t{1} << 50;
constexpr std::size_t most_pulls = 4;  // of one worker that are remembered

}  // namespace

std::string ShardPlan::text() const {
  return Json{{"options", schema::json_of(options)},
              {"lanes", lanes},
              {"steps", steps},
              {"first_step", first_step},
              {"workers", workers},
              {"optimizer", schema::json_of(optimizer)},
              {"compression", schema::json_of(compression)},
              {"counts", counts}}
      .dump();
}

ShardPlan ShardPlan::parse(const std::string& text) {
  try {
    const Json json = Json::parse(text);
    ShardPlan plan;
    plan.options = schema::options_of<ParameterServerOptions>(json.at("options"));
    plan.lanes = json.at("lanes");
    plan.steps = json.at("steps");
    plan.first_step = json.at("first_step");
    plan.workers = json.at("workers");
    plan.optimizer = schema::options_of<OptimizerOptions>(json.at("optimizer"));
    plan.compression = schema::options_of<CompressionOptions>(json.at("compression"));
    plan.counts = json.at("counts").get<std::vector<std::int64_t>>();
    return plan;
  } catch (const Json::exception&) {
    throw RequestError("a plan that cannot be read");
  }
}

std::int64_t ShardPlan::size() const {
  std::int64_t size = 0;
  for (const std::int64_t count : counts) {
    if (count < 1 || count > most_elements - size) throw RequestError("a plan of impossible size");
    size += lines_of(count) * line_floats;
  }
  return size;
}

Shard::Shard(ShardPlan plan) : plan_(std::move(plan)) {
  const auto possible = [](std::int64_t steps) { return 0 <= steps && steps <= most_steps; };
  if (plan_.lanes < 1 || plan_.lanes > most_lanes || !possible(plan_.steps) ||
      !possible(plan_.first_step) || !possible(plan_.options.staleness))
    throw RequestError("a plan of impossible lanes or steps");
  plan_.size();  // that it is possible
  for (const std::int64_t count : plan_.counts) {
    blocks_.push_back({size_, count});
    size_ += lines_of(count) * line_floats;
  }
  const CompressionOptions& compression = plan_.compression;
  if (is_compressed(compression) && bsp()) throw RequestError("a plan of impossible compression");
  try {
    optimizer_ = make_optimizer(plan_.optimizer);
    if (is_compressed(compression)) codec_ = make_codec(compression);
  } catch (const InputError& error) {
    throw RequestError(error.what());
  }
  arrays_.assign(static_cast<std::size_t>(1 + optimizer_->states()),
                 std::vector<float>(static_cast<std::size_t>(size_)));
  version_ = plan_.first_step;
  changed_.assign(static_cast<std::size_t>(lines_of(size_)), version_);
  number_ = static_cast<std::uint32_t>(random_number());
}

bool Shard::handle(const Message& request, Message& answer) {
  if (request.kind != Kind::load && request.kind != Kind::ready && !ready_) return false;
  answer.version = version_;
  switch (request.kind) {
    case Kind::load:
      load(request);
      return true;
    case Kind::ready:
      if (request.count < 0 || request.count > most_steps)
        throw RequestError("an impossible number of updates");
      if (!ready_) updates_ = request.count;
      ready_ = true;
      return true;
    case Kind::push:
      push(request);
      return true;
    case Kind::squares:
      return squares(request, answer);
    case Kind::apply:
      return apply(request);
    case Kind::pull:
      return pull(request, answer);
    case Kind::fetch:
      fetch(request, answer);
      return true;
    default:
      throw RequestError("a request that a shard does not know");
  }
}

void Shard::load(const Message& request) {
  if (ready_) return;  // somebody has begun the run already
  auto& into = const_cast<std::vector<float>&>(array_of(request));
  const auto count = static_cast<std::int64_t>(request.data.size());
  if (request.first > size_ || count > size_ - request.first)
    throw RequestError("elements are loaded beyond the end of a shard");
  std::copy(request.data.begin(), request.data.end(), into.begin() + request.first);
}

const std::vector<float>& Shard::array_of(const Message& request) const {
  if (request.array >= arrays_.size())
    throw RequestError(fmt::format("array {} of {}", request.array, arrays_.size()));
  return arrays_[request.array];
}

void Shard::push(const Message& request) {
  if (bsp()) {
    if (request.step < version_) return;  // said again
    if (request.step > version_) throw RequestError("a push for a step that has not begun");
    if (!summed_)
      step_.add(blocks_, size_, plan_.lanes, request.lanes, request.first, data_of(request));
    return;
  }
  Worker& worker = workers_[request.worker];
  if (request.task <= worker.applied) return;
  if (codec_) return decode_push(worker, request);
  const std::span<const float> data = data_of(request);
  if (request.task != worker.task) worker.accumulator.clear();
  worker.task = request.task;
  worker.accumulator.add(blocks_, size_, plan_.lanes, request.lanes, request.first, data);
}

// Pieces come in their order; one that is there already is said again.
void Shard::decode_push(Worker& worker, const Message& request) const {
  const std::int64_t arrived = request.task == worker.task ? worker.arrived : 0;
  if (request.rows.size() != 1 || request.first < 0 || request.first > arrived ||
      request.count < 1 || request.count > size_ - request.first)
    throw RequestError("a push of compressed elements that does not fit");
  const auto count = static_cast<std::size_t>(request.count);
  const std::size_t bytes = codec_->encoded_bytes(count);
  if (request.data.size() != floats_for(bytes))
    throw RequestError("a push of compressed elements that are too few or too many");
  std::vector<float> values(count);
  try {
    codec_->decode(std::as_bytes(request.data).first(bytes), request.rows[0], values);
  } catch (const InputError& error) {
    throw RequestError(error.what());
  }
  worker.task = request.task;
  worker.decoded.resize(static_cast<std::size_t>(size_));
  std::copy(values.begin(), values.end(), worker.decoded.begin() + request.first);
  worker.arrived = std::max(arrived, request.first + request.count);
}

bool Shard::came_whole(const Worker& worker, const Message& request) const {
  if (blocks_.empty()) return true;
  if (worker.task != request.task) return false;
  return codec_ ? worker.arrived == size_ : worker.accumulator.complete(request.lanes);
}

// All that is pushed, with zeros for lines that did not travel.
std::span<const float> Shard::data_of(const Message& request) {
  if (!request.has(Flag::lines)) return request.data;
  if (request.count < 0 || request.count > std::min(size_, std::int64_t{Limits::floats}))
    throw RequestError("a push of impossible size");
  lines_.assign(static_cast<std::size_t>(request.count), 0);
  scatter_lines(request.rows, request.data, lines_);
  return lines_;
}

// Whether all of the step's gradient is there; then it is one sum.
bool Shard::gathered() {
  const Range all{0, plan_.lanes};
  if (summed_) return true;
  if (!blocks_.empty()) {
    if (!step_.complete(all)) return false;
    sum_ = step_.sum(blocks_, plan_.lanes, all);
  }
  squares_.clear();
  for (const ShardBlock& block : blocks_)
    squares_.push_back(sum_of_squares(sum_ + block.begin, block.count));
  summed_ = true;
  return true;
}

bool Shard::squares(const Message& request, Message& answer) {
  if (!bsp()) throw RequestError("squares are asked for in bsp only");
  if (request.step < version_ - 1) return true;  // nobody needs them any more
  // Of the step before they are still there, for those who ask late.
  if (request.step >= version_ && (request.step > version_ || !gathered())) return false;
  answer.numbers = squares_;
  return true;
}

bool Shard::apply(const Message& request) {
  return bsp() ? apply_step(request) : apply_task(request);
}

bool Shard::apply_step(const Message& request) {
  if (request.step < version_) return true;  // another worker was first
  if (request.step > version_ || !gathered()) return false;
  if (!request.has(Flag::skipped)) update(sum_, request, request.rate, request.scale);
  step_.clear();
  summed_ = false;
  sum_ = nullptr;
  ++version_;
  return true;
}

bool Shard::apply_task(const Message& request) {
  Worker& worker = workers_[request.worker];
  if (request.task <= worker.applied) return true;  // said again
  if (!came_whole(worker, request))
    throw RequestError("a gradient is applied that did not come whole");
  const std::int64_t delay = delay_of(worker, request.task);
  ++delays_[delay];
  double rate = request.rate;
  double scale = request.scale;
  if (!blocks_.empty()) {
    float* gradient = codec_ ? worker.decoded.data()
                             : worker.accumulator.sum(blocks_, plan_.lanes, request.lanes);
    if (plan_.options.compensation == "staleness")
      rate /= static_cast<double>(std::max<std::int64_t>(1, delay));
    if (plan_.options.compensation == "dc_asgd") {
      compensate(worker, request.task, gradient, scale);
      scale = 1;
    }
    update(gradient, request, rate, scale);
  }
  worker.accumulator.clear();
  worker.arrived = 0;
  worker.applied = request.task;
  worker.snapshots.erase(worker.snapshots.begin(), worker.snapshots.upper_bound(request.task));
  worker.versions.erase(worker.versions.begin(), worker.versions.upper_bound(request.task));
  ++version_;
  return true;
}

std::int64_t Shard::delay_of(Worker& worker, std::uint64_t task) const {
  const auto pulled = worker.versions.find(task);
  return pulled == worker.versions.end() ? 0 : version_ - pulled->second;
}

// Zheng et al. 2017, "Asynchronous stochastic gradient descent with delay
// compensation", equation 10: the gradient as it would be at today's weights,
// with lambda g * g for the Hessian.
void Shard::compensate(Worker& worker, std::uint64_t task, float* gradient, double scale) const {
  const auto found = worker.snapshots.find(task);
  const auto factor = static_cast<float>(scale);
  const auto strength = static_cast<float>(plan_.options.compensation_strength);
  const std::vector<float>& weights = arrays_[0];
  for (std::int64_t i = 0; i < size_; ++i) {
    const float g = gradient[i] * factor;
    const float moved = found == worker.snapshots.end() ? 0 : weights[i] - found->second[i];
    gradient[i] = g + strength * g * g * moved;
  }
}

void Shard::update(const float* gradient, const Message& request, double rate, double scale) {
  UpdateContext context;
  context.step = updates_;
  context.rate = rate;
  context.gradient_scale = static_cast<float>(scale);
  context.clip_value = static_cast<float>(request.clip);
  std::vector<float*> states(arrays_.size() - 1);
  for (const ShardBlock& block : blocks_) {
    for (std::size_t k = 0; k < states.size(); ++k) states[k] = arrays_[k + 1].data() + block.begin;
    float* weights = arrays_[0].data() + block.begin;
    before_.assign(weights, weights + block.count);
    optimizer_->update(weights, gradient + block.begin, states, block.count, context);
    mark_changed(block);
  }
  ++updates_;
}

// An update leaves weights as they are where gradient and state are zero: an embedding's rows that
// were not touched.
void Shard::mark_changed(const ShardBlock& block) {
  const float* weights = arrays_[0].data() + block.begin;
  for (std::int64_t first = 0; first < block.count; first += line_floats) {
    const auto bytes =
        static_cast<std::size_t>(std::min(line_floats, block.count - first)) * sizeof(float);
    if (std::memcmp(weights + first, before_.data() + first, bytes) != 0)
      changed_[static_cast<std::size_t>((block.begin + first) / line_floats)] = version_ + 1;
  }
}

bool Shard::pull(const Message& request, Message& answer) {
  if (bsp() ? version_ < request.version : false) return false;
  fetch(request, answer);
  answer.array = number_;
  if (bsp() || request.task == 0) {
    leave_out_unchanged(request, answer);
    return true;
  }
  Worker& worker = workers_[request.worker];
  worker.versions.emplace(request.task, version_);  // of the first piece
  if (worker.versions.size() > most_pulls) worker.versions.erase(worker.versions.begin());
  if (plan_.options.compensation == "dc_asgd") {
    std::vector<float>& snapshot = worker.snapshots[request.task];
    snapshot.resize(static_cast<std::size_t>(size_));
    std::copy(answer.data.begin(), answer.data.end(), snapshot.begin() + request.first);
    if (worker.snapshots.size() > most_pulls) worker.snapshots.erase(worker.snapshots.begin());
  }
  leave_out_unchanged(request, answer);
  return true;
}

// A worker that says which version it has needs only what has changed since, if it was this shard
// that it pulled from: a backup may have come to the same version in another way.
void Shard::leave_out_unchanged(const Message& request, Message& answer) {
  if (request.rows.size() != 2 || request.rows[1] != number_ || request.first % line_floats != 0)
    return;
  const auto since = static_cast<std::int64_t>(request.rows[0]);
  const std::int64_t first = request.first / line_floats;
  ChosenLines chosen = choose_lines(lines_of(request.count), [&](std::int64_t line) {
    return changed_[static_cast<std::size_t>(first + line)] > since;
  });
  if (!chosen.fewer) return;
  gather_lines(chosen.runs, answer.data, lines_);
  answer.data = lines_;
  answer.rows = std::move(chosen.runs);
  answer.flags |= Flag::lines;
}

void Shard::fetch(const Message& request, Message& answer) const {
  const std::vector<float>& array = array_of(request);
  if (request.first > size_ || request.count > size_ - request.first ||
      request.count > static_cast<std::int64_t>(Limits::floats))
    throw RequestError(fmt::format("{} elements from {} on, of a shard of {}", request.count,
                                   request.first, size_));
  answer.data = std::span(array).subspan(static_cast<std::size_t>(request.first),
                                         static_cast<std::size_t>(request.count));
  answer.count = updates_;
}

void Shard::forget(std::uint64_t worker) {
  workers_.erase(worker);
}

}  // namespace convoy::server
