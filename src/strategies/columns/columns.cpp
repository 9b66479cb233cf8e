#include "strategies/columns/columns.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "checkpoint/columns.hpp"
#include "compute/host_tensor.hpp"
#include "convoy/core/error.hpp"
#include "convoy/lanes/random.hpp"
#include "data/partition/columns.hpp"
#include "engine/model_collectives.hpp"

namespace convoy {
namespace {

void require_fitting(const StrategySetup& setup) {
  const ColumnPartition& partition = setup.columns->partition;
  const int workers = setup.group == nullptr ? 1 : setup.group->size();
  const int worker = setup.group == nullptr ? 0 : setup.group->rank();
  require_enough_parts(static_cast<std::int64_t>(partition.parts.size()), workers,
                       partition.features());
  const std::vector<std::int64_t> own{partition.own_features().size()};
  if (static_cast<int>(partition.workers.size()) != workers || partition.worker != worker ||
      setup.engine.shared.dataset->spec().feature_shape != own)
    throw InputError("RunOptions::columns does not fit the group or the data");
}

std::unique_ptr<ColumnStep> make_step(const StrategySetup& setup, Engine& engine) {
  std::unique_ptr<ColumnLayer> layer;
  {
    const LaneRandom random(derive_seed(engine.seed(), RandomPurpose::initialise));
    layer = std::make_unique<ColumnLayer>(*setup.columns, setup.group, engine.optimizer().states(),
                                          engine.device());
  }
  const int workers = setup.group == nullptr ? 1 : setup.group->size();
  const int worker = setup.group == nullptr ? 0 : setup.group->rank();
  return std::make_unique<ColumnStep>(std::move(layer), engine.shared(),
                                      ColumnStep::Options{&engine.pool(), workers, worker});
}

}  // namespace

Columns::Columns(StrategySetup setup)
    : model_(setup.columns), whole_(setup.whole_model), group_(setup.group) {
  require_fitting(setup);
  StrategySetup rest = setup;
  rest.engine.factory = model_->model.head;
  rest.engine.balance = false;  // most of the work is that of features, which do not move
  rest.engine.inputs = [&](Engine& engine) {
    auto step = make_step(setup, engine);
    step_ = step.get();
    return step;
  };
  rest_ = std::make_unique<Synchronous>(std::move(rest));
  rest_->extend(*this);
  std::vector<TimeUse*> time_use;
  for (int r = 0; r < engine().replicas(); ++r) time_use.push_back(&engine().time_use(r));
  step_->count_in(std::move(time_use));
}

Columns::~Columns() = default;

const StrategyTraits& Columns::traits() const {
  static const StrategyTraits traits{
      .same_bits = true, .alike = true, .elastic = false, .columns = true};
  return traits;
}

void Columns::enter(Communicator* group, const std::vector<Range>& lanes) {
  group_ = group;
  rest_->enter(group, lanes);
}

void Columns::leave() {
  rest_->leave();
  group_ = nullptr;
}

void Columns::before_compute(const std::vector<Range>& lanes) {
  step_->forward(lanes);
}

std::uint64_t Columns::after_reduce() {
  step_->backward();
  return step_->layer().take_bytes_sent();
}

double Columns::squared_norm() {
  return step_->squared_norm();
}

void Columns::update(const Optimizer& optimizer, const UpdateContext& context) {
  step_->update(optimizer, context);
}

std::int64_t Columns::parameters() const {
  return rest_->parameters() + step_->layer().parameters();
}

// Where this worker has all columns, they are kept as those of any model; else by shards.
void Columns::save(StateWriter& writer) {
  rest_->save(writer);
  const ColumnLayer& layer = step_->layer();
  const std::string& name = model_->model.weight;
  if (writer.part) {
    writer.part->own = layer.worker_state();
    std::vector<std::int64_t> ends;
    for (const Range& part : model_->partition.parts) ends.push_back(part.end);
    writer.whole.meta["columns"] =
        describe_columns(name, model_->model.units, ends, layer.states());
    return;
  }
  writer.whole.tensors.emplace_back("parameter/" + name, layer.gather(-1));
  for (int k = 0; k < layer.states(); ++k)
    writer.whole.tensors.emplace_back(fmt::format("optimizer{}/{}", k, name), layer.gather(k));
}

// Of a checkpoint: the first layer, until it is given to those who have its columns.
std::vector<torch::Tensor> Columns::take_out_columns(StateReader& reader) const {
  const std::string& name = model_->model.weight;
  const std::vector<std::int64_t> shape{model_->model.units, model_->partition.features()};
  auto& tensors = reader.state.tensors;
  std::vector<torch::Tensor> columns;
  for (int k = -1; k < step_->layer().states(); ++k) {
    const std::string full = k < 0 ? "parameter/" + name : fmt::format("optimizer{}/{}", k, name);
    const auto found = std::find_if(tensors.begin(), tensors.end(),
                                    [&](const auto& named) { return named.first == full; });
    if (found == tensors.end() || found->second.sizes() != shape ||
        !is_host_tensor(found->second)) {
      throw InputError(fmt::format(
          "{}: is a checkpoint of another model or optimizer: it has no {} of this size",
          reader.file, full));
    }
    columns.push_back(found->second);
    tensors.erase(found);
  }
  return columns;
}

void Columns::load(StateReader* reader) {
  std::vector<torch::Tensor> columns;
  if (reader != nullptr) columns = take_out_columns(*reader);
  rest_->load(reader);
  step_->layer().scatter(std::move(columns));
}

// Only its owner has a column: with a fixed group all have been there from the beginning.
void Columns::copy_from(int source, const std::vector<int>& takers) {
  rest_->copy_from(source, takers);
}

void Columns::forget() {
  throw InputError("partition.by: column goes with a fixed number of workers");
}

Inference Columns::infer(const Dataset& dataset, std::int64_t batch) {
  const Compute::TorchScope scope(engine().device());
  engine().sync_networks(/*training=*/false);
  const Inference own = step_->infer(engine().networks(), dataset, batch);
  engine().sync_networks(/*training=*/true);
  return group_ == nullptr ? own : gather_inference(*group_, own);
}

// All of the model's weights, on worker 0; null elsewhere. Collective.
std::shared_ptr<torch::nn::Module> Columns::whole_model() {
  const torch::Tensor weight = step_->layer().gather(-1);
  if (!is_first()) return nullptr;
  const torch::NoGradGuard no_grad;
  const std::shared_ptr<torch::nn::Module> whole = whole_().module;
  torch::nn::Module& head = *engine().replica(0).network().module;
  const std::vector<NamedTensor> of_head = distinct_parameters(head);
  std::size_t next = 0;
  for (const auto& [name, tensor] : distinct_parameters(*whole)) {
    torch::Tensor into = tensor;
    const bool first = name == model_->model.weight;
    if (!first && (next == of_head.size() || of_head[next].name != name))
      throw InputError(fmt::format("model: its head has no {}", name));
    into.copy_(first ? weight : engine().device().to_host(of_head[next++].tensor));
  }
  const std::vector<NamedTensor> buffers = distinct_buffers(head);
  next = 0;
  for (const auto& [name, tensor] : distinct_buffers(*whole)) {
    torch::Tensor into = tensor;
    if (next == buffers.size() || buffers[next].name != name)
      throw InputError(fmt::format("model: its head has no {}", name));
    into.copy_(engine().device().to_host(buffers[next++].tensor));
  }
  set_training(*whole, false);
  return whole;
}

// The digest is the same on all workers, of whom only the first has the model.
StrategyResult Columns::result() {
  rest_->result();
  StrategyResult result;
  result.model = whole_model();
  result.weights_sha256 = result.model ? weights_sha256(*result.model) : "";
  if (group_ != nullptr) result.weights_sha256 = group_->all_gather(result.weights_sha256)[0];
  return result;
}

nlohmann::ordered_json Columns::report() const {
  nlohmann::ordered_json report = rest_->report();
  report["worker"]["parts"] = model_->partition.own_parts().size();
  report["worker"]["features"] = model_->partition.own_features().size();
  report["worker"]["first_layer_bytes"] = step_->layer().bytes();
  return report;
}

}  // namespace convoy
