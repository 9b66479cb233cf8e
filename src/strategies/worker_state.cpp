#include "strategies/worker_state.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "core/tensor_bytes.hpp"
#include "engine/model_collectives.hpp"
#include "engine/optimizer_shards.hpp"

namespace convoy {
namespace {

constexpr int worker_state_tag = 6;
constexpr int copy_tag = 8;

std::string name_at(int worker, const std::string& name) {
  return fmt::format("worker{}/{}", worker, name);
}

}  // namespace

WorkerStates::WorkerStates(CheckpointState& state) {
  std::erase_if(state.tensors, [&](const auto& named) {
    if (!named.first.starts_with("worker")) return false;
    tensors_.emplace(named.first, named.second.contiguous());
    return true;
  });
}

const torch::Tensor* WorkerStates::find(int worker, const std::string& name,
                                        const torch::Tensor& like) const {
  const auto kept = tensors_.find(name_at(worker, name));
  const bool fits = kept != tensors_.end() && kept->second.sizes() == like.sizes() &&
                    kept->second.scalar_type() == like.scalar_type();
  return fits ? &kept->second : nullptr;
}

// `wanted` by worker.
bool WorkerStates::fits(const std::vector<std::string>& wanted) const {
  std::size_t found = 0;
  for (std::size_t w = 0; w < wanted.size(); ++w) {
    for (const auto& [name, tensor] : shard_like(wanted[w]).own) {
      if (find(static_cast<int>(w), name, tensor) == nullptr) return false;
      ++found;
    }
  }
  return found == tensors_.size();
}

bool WorkerStates::restore(WorkerStates& states, Communicator* group, const Compute& device,
                           const WorkerState& mine) {
  Shard wanted;
  wanted.own = mine;
  std::vector<std::string> all{describe_shard(wanted)};
  if (group != nullptr) all = group->all_gather(all[0]);
  const bool first = group == nullptr || group->rank() == 0;
  bool found = first && states.fits(all);
  if (group != nullptr) found = group->all_gather(found ? "found" : "")[0] == "found";
  if (!found) return false;
  for (const auto& [name, tensor] : mine) {
    if (!first) {
      receive_tensor(*group, device, 0, worker_state_tag, tensor);
      continue;
    }
    for (std::size_t w = 1; w < all.size(); ++w) {
      const int worker = static_cast<int>(w);
      group->send(worker, worker_state_tag, bytes_of(states.tensors_.at(name_at(worker, name))));
    }
    device.assign(tensor, states.tensors_.at(name_at(0, name)));
  }
  return true;
}

void copy_worker_state(Communicator& group, const Compute& device, int source,
                       const std::vector<int>& takers, const WorkerState& mine) {
  const bool takes = std::find(takers.begin(), takers.end(), group.rank()) != takers.end();
  if (!takes && group.rank() != source) return;
  for (const auto& [name, tensor] : mine) {
    if (takes) receive_tensor(group, device, source, copy_tag, tensor);
    for (const int taker : takers) {
      if (group.rank() == source) send_tensor(group, device, taker, copy_tag, tensor);
    }
  }
}

}  // namespace convoy
