// Training with features that are partitioned by column: what is done beside the step.
#include "checkpoint/columns.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "convoy/core/error.hpp"
#include "convoy/lanes/random.hpp"
#include "data/columns.hpp"
#include "train/trainer_impl.hpp"

namespace convoy {

void Trainer::Impl::require_fitting_columns() const {
  const bool by_column = job_.partition.by == "column";
  if (by_column != (options_.columns != nullptr)) {
    throw InputError(by_column ? "partition.by: column needs RunOptions::columns"
                               : "RunOptions::columns needs partition.by: column");
  }
  if (!by_column) return;
  require_lasting_workers(job_.partition, options_.membership != nullptr);
  if (job_.strategy.kind != "synchronous" || job_.strategy.compression.kind != "none")
    throw InputError("partition.by: column goes with strategy.kind synchronous, uncompressed");
  if (!job_.augment.empty())
    throw InputError(
        "augment: needs whole images, and partition.by is column; remove one of the two");
  const ColumnPartition& partition = options_.columns->partition;
  require_enough_parts(static_cast<std::int64_t>(partition.parts.size()), workers(),
                       partition.features());
  const std::vector<std::int64_t> own{partition.own_features().size()};
  if (static_cast<int>(partition.workers.size()) != workers() || partition.worker != worker() ||
      data_.train->spec().feature_shape != own)
    throw InputError("RunOptions::columns does not fit the group or the data");
}

void Trainer::Impl::make_columns() {
  Communicator* const group = workers() > 1 ? options_.group.get() : nullptr;
  std::unique_ptr<ColumnLayer> layer;
  {
    const LaneRandom random(derive_seed(job_.seed, RandomPurpose::initialise));
    layer = std::make_unique<ColumnLayer>(*options_.columns, group, optimizer_->states());
  }
  columns_ = std::make_unique<ColumnStep>(std::move(layer), shared_,
                                          ColumnStep::Options{&pool_, workers(), worker()});
  shared_.inputs = columns_.get();
}

std::int64_t Trainer::Impl::parameter_count() const {
  return weights_->parameter_count() + (columns_ ? columns_->layer().parameters() : 0);
}

// Where this worker has all columns, they are kept as those of any model; else by shards.
void Trainer::Impl::add_columns(TrainingState& state) const {
  const ColumnLayer& layer = columns_->layer();
  const std::string& name = options_.columns->model.weight;
  if (team_) {
    std::vector<std::int64_t> ends;
    for (const Range& part : options_.columns->partition.parts) ends.push_back(part.end);
    state.meta["columns"] =
        describe_columns(name, options_.columns->model.units, ends, layer.states());
    return;
  }
  state.tensors.emplace_back("parameter/" + name, layer.gather(-1));
  for (int k = 0; k < layer.states(); ++k)
    state.tensors.emplace_back(fmt::format("optimizer{}/{}", k, name), layer.gather(k));
}

// Of a checkpoint: the first layer, until it is given to those who have its columns.
void Trainer::Impl::take_out_columns(TrainingState& state, const std::string& file) {
  const ColumnLayer& layer = columns_->layer();
  const std::string& name = options_.columns->model.weight;
  const std::vector<std::int64_t> shape{options_.columns->model.units,
                                        options_.columns->partition.features()};
  full_columns_.clear();
  for (int k = -1; k < layer.states(); ++k) {
    const std::string full = k < 0 ? "parameter/" + name : fmt::format("optimizer{}/{}", k, name);
    const auto found = std::find_if(state.tensors.begin(), state.tensors.end(),
                                    [&](const auto& named) { return named.first == full; });
    if (found == state.tensors.end() || found->second.sizes() != shape ||
        found->second.scalar_type() != torch::kFloat) {
      throw InputError(fmt::format(
          "{}: is a checkpoint of another model or optimizer: it has no {} of this size", file,
          full));
    }
    full_columns_.push_back(found->second);
    state.tensors.erase(found);
  }
}

void Trainer::Impl::add_column_report(Json& report) const {
  const Range parts = options_.columns->partition.own_parts();
  report["parts"] = parts.size();
  report["features"] = options_.columns->partition.own_features().size();
  report["first_layer_bytes"] = columns_->layer().bytes();
}

// All of the model's weights, on worker 0; null elsewhere. Collective.
std::shared_ptr<torch::nn::Module> Trainer::Impl::whole_model() {
  const torch::Tensor weight = columns_->layer().gather(-1);
  if (!is_first()) return nullptr;
  const torch::NoGradGuard no_grad;
  const std::shared_ptr<torch::nn::Module> whole = factory_().module;
  torch::nn::Module& head = *replicas_[0]->network().module;
  const std::vector<NamedTensor> of_head = distinct_parameters(head);
  std::size_t next = 0;
  for (const auto& [name, tensor] : distinct_parameters(*whole)) {
    torch::Tensor into = tensor;
    const bool first = name == options_.columns->model.weight;
    if (!first && (next == of_head.size() || of_head[next].name != name))
      throw InputError(fmt::format("model: its head has no {}", name));
    into.copy_(first ? weight : of_head[next++].tensor);
  }
  const std::vector<NamedTensor> buffers = distinct_buffers(head);
  next = 0;
  for (const auto& [name, tensor] : distinct_buffers(*whole)) {
    torch::Tensor into = tensor;
    if (next == buffers.size() || buffers[next].name != name)
      throw InputError(fmt::format("model: its head has no {}", name));
    into.copy_(buffers[next++].tensor);
  }
  set_training(*whole, false);
  return whole;
}

// The same on all workers, of whom only the first has the model. Collective.
std::string Trainer::Impl::sha256_of_whole(const std::shared_ptr<torch::nn::Module>& model) const {
  const std::string own = model ? convoy::weights_sha256(*model) : "";
  return team_ ? options_.group->all_gather(own)[0] : own;
}

}  // namespace convoy
