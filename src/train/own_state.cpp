// What is each worker's alone, in checkpoints: models between exchanges, what compression owes.
#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "convoy/core/error.hpp"
#include "core/tensor_bytes.hpp"
#include "train/trainer_impl.hpp"

namespace convoy {
namespace {

std::string prefix_of(int worker) {
  return fmt::format("worker{}/", worker);
}

}  // namespace

// Tensors that the state is kept in, but for copies of the values and the counts.
Trainer::Impl::OwnState Trainer::Impl::own_state() const {
  if (!own_steps()) return sums_->state();
  OwnState state = options_.membership != nullptr ? averaging_->common() : averaging_->state();
  torch::Tensor values = torch::zeros({static_cast<std::int64_t>(values_->size())});
  const std::span<float> flat(values.data_ptr<float>(), values_->size());
  if (own_values_.empty())
    values_->read(flat);
  else
    std::copy(own_values_.begin(), own_values_.end(), flat.begin());
  state.emplace_back("values", values);
  for (std::size_t k = 0; k < states_.size(); ++k)
    state.emplace_back(fmt::format("optimizer{}", k), states_[k]);
  torch::Tensor counts = torch::zeros({2}, torch::kLong);
  counts.data_ptr<std::int64_t>()[0] = progress_.updates;
  counts.data_ptr<std::int64_t>()[1] = progress_.skipped;
  state.emplace_back("counts", counts);
  return state;
}

Shard Trainer::Impl::own_shard() const {
  Shard shard;
  if (!keeps_own_state()) {
    shard = make_shard(reduction_->blocks(), *weights_, worker(), states_);
    if (columns_) shard.own = columns_->layer().own_state();
    return shard;
  }
  shard.own = own_state();
  return shard;
}

void Trainer::Impl::take_own_state(const OwnState& state) {
  for (const auto& [name, tensor] : state) {
    if (name == "values") values_->write({tensor.data_ptr<float>(), values_->size()});
    if (name != "counts") continue;
    progress_.updates = tensor.data_ptr<std::int64_t>()[0];
    progress_.skipped = tensor.data_ptr<std::int64_t>()[1];
  }
}

// Of a checkpoint: all workers' own tensors, until they are given to them.
void Trainer::Impl::take_out_own_state(TrainingState& state) {
  own_states_.clear();
  std::erase_if(state.tensors, [&](const auto& named) {
    if (!named.first.starts_with("worker")) return false;
    own_states_.insert(named);
    return true;
  });
}

torch::Tensor* Trainer::Impl::kept_own_state(int worker, const std::string& name,
                                             const torch::Tensor& like) {
  const auto kept = own_states_.find(prefix_of(worker) + name);
  const bool fits = kept != own_states_.end() && kept->second.sizes() == like.sizes() &&
                    kept->second.scalar_type() == like.scalar_type();
  return fits ? &kept->second : nullptr;
}

// An elastic job goes on from the model of all, with what worker 0 had beside its own.
void Trainer::Impl::restore_for_all() {
  const OwnState mine = own_state();
  for (const auto& [name, tensor] : mine) {
    if (name == "values") continue;
    const torch::Tensor* const kept = kept_own_state(0, name, tensor);
    if (kept == nullptr)
      throw InputError(fmt::format("the newest checkpoint lacks worker 0's {}", name));
    tensor.copy_(*kept);
  }
  take_own_state(mine);
  own_states_.clear();
}

// All of `source`'s own state, to the workers `takers`. Collective.
void Trainer::Impl::copy_own_state(int source, const std::vector<int>& takers) {
  constexpr int copy_tag = 8;
  if (!team_ || takers.empty()) return;
  const bool takes = std::find(takers.begin(), takers.end(), worker()) != takers.end();
  if (!takes && worker() != source) return;
  OwnState state = own_state();
  for (const torch::Tensor& counter : counters_of(*weights_))
    state.emplace_back("counter", counter);
  if (takes) has_state_ = false;  // half a state is none
  for (const auto& [name, tensor] : state) {
    if (takes) options_.group->recv(source, copy_tag, bytes_of(tensor));
    for (const int taker : takers) {
      if (worker() == source) options_.group->send(taker, copy_tag, bytes_of(tensor));
    }
  }
  if (takes) take_own_state(state);
}

// After worker 0 has read a checkpoint. Of what compression owed nothing is kept if there are other
// workers now.
void Trainer::Impl::restore_own_state() {
  constexpr int own_state_tag = 6;
  if (!keeps_own_state()) return;
  const OwnState mine = own_state();
  Shard wanted;
  wanted.own = mine;
  std::vector<std::string> all{describe_shard(wanted)};
  if (team_) all = options_.group->all_gather(all[0]);
  bool found = is_first() && find_own_states(all);
  if (team_) found = options_.group->all_gather(found ? "found" : "")[0] == "found";
  if (!found && own_steps() && progress_.step > 0)
    throw InputError("--resume: the checkpoint lacks the state of the workers that wrote it");
  if (!found) return;
  for (const auto& [name, tensor] : mine) {
    if (!is_first()) {
      options_.group->recv(0, own_state_tag, bytes_of(tensor));
      continue;
    }
    for (int w = 1; w < workers(); ++w)
      options_.group->send(w, own_state_tag, bytes_of(own_states_.at(prefix_of(w) + name)));
    tensor.copy_(own_states_.at(prefix_of(0) + name));
  }
  take_own_state(mine);
  own_states_.clear();
}

// Whether the checkpoint has what all workers want: `wanted` by worker.
bool Trainer::Impl::find_own_states(const std::vector<std::string>& wanted) {
  std::size_t found = 0;
  for (std::size_t w = 0; w < wanted.size(); ++w) {
    for (const auto& [name, tensor] : shard_like(wanted[w]).own) {
      torch::Tensor* const kept = kept_own_state(static_cast<int>(w), name, tensor);
      if (kept == nullptr) return false;
      *kept = kept->contiguous();
      ++found;
    }
  }
  return found == own_states_.size();
}

}  // namespace convoy
