#include "engine/optimizer_shards.hpp"

#include <nlohmann/json.hpp>

namespace convoy {

torch::Tensor compact_state(const Compute& device, const std::vector<Block>& blocks, int owner,
                            const torch::Tensor& flat) {
  torch::Tensor compact = device.zeros({state_size(blocks, owner)});
  for (const Block& block : blocks) {
    if (block.owner != owner) continue;
    device.copy(device.data(compact) + block.state_begin, device.data(flat) + block.flat_begin,
                block.count);
  }
  return compact;
}

void expand_state(const Compute& device, const std::vector<Block>& blocks, int owner,
                  const torch::Tensor& compact, torch::Tensor& flat) {
  for (const Block& block : blocks) {
    if (block.owner != owner) continue;
    device.copy(device.data(flat) + block.flat_begin, device.data(compact) + block.state_begin,
                block.count);
  }
}

Shard make_shard(const std::vector<Block>& blocks, const FlatParameters& weights, int owner,
                 const std::vector<torch::Tensor>& states) {
  Shard shard;
  for (const torch::Tensor& state : states) shard.arrays.push_back(weights.device().to_host(state));
  for (const Block& block : blocks) {
    if (block.owner != owner) continue;
    shard.pieces.push_back(
        {weights.parameters()[block.parameter].name, block.begin, block.count, block.state_begin});
  }
  return shard;
}

std::string describe_shard(const Shard& shard) {
  nlohmann::json description = {{"pieces", nlohmann::json::array()},
                                {"arrays", nlohmann::json::array()},
                                {"own", nlohmann::json::array()}};
  for (const Shard::Piece& piece : shard.pieces)
    description["pieces"].push_back({piece.parameter, piece.begin, piece.count, piece.at});
  for (const torch::Tensor& array : shard.arrays) description["arrays"].push_back(array.numel());
  for (const auto& [name, tensor] : shard.own) {
    description["own"].push_back(
        {name, tensor.sizes().vec(), static_cast<int>(tensor.scalar_type())});
  }
  return description.dump();
}

Shard shard_like(const std::string& description) {
  const auto described = nlohmann::json::parse(description);
  Shard shard;
  for (const auto& piece : described["pieces"])
    shard.pieces.push_back({piece[0], piece[1], piece[2], piece[3]});
  for (const auto& count : described["arrays"])
    shard.arrays.push_back(torch::zeros({count.get<std::int64_t>()}));
  for (const auto& own : described["own"]) {
    shard.own.emplace_back(own[0].get<std::string>(),
                           torch::zeros(own[1].get<std::vector<std::int64_t>>(),
                                        static_cast<torch::ScalarType>(own[2].get<int>())));
  }
  return shard;
}

std::vector<torch::Tensor> tensors_of(const Shard& shard) {
  std::vector<torch::Tensor> tensors = shard.arrays;
  for (const auto& [name, tensor] : shard.own) tensors.push_back(tensor);
  return tensors;
}

}  // namespace convoy
