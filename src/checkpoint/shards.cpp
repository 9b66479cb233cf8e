#include "checkpoint/shards.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "checkpoint/columns.hpp"
#include "compute/host_tensor.hpp"
#include "convoy/core/checksum.hpp"
#include "convoy/core/error.hpp"
#include "convoy/core/file.hpp"

namespace convoy {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::ordered_json;

constexpr std::string_view parameter_prefix = "parameter/";
constexpr std::string_view own_prefix = "own/";

[[noreturn]] void fail(const fs::path& shard, const std::string& problem) {
  throw InputError(fmt::format("{}: {}", shard.string(), problem));
}

CheckpointState read_shard(const fs::path& path, std::uint64_t xxh3_expected, std::int64_t step) {
  std::error_code error;
  if (!fs::exists(path, error))
    fail(path, "this part of the checkpoint is missing; copy it from the worker that wrote it");
  const MappedFile file(path);
  if (xxh3(file.bytes()) != xxh3_expected)
    fail(path, "damaged checkpoint: its checksum is not the one that the checkpoint names");
  CheckpointState shard = parse_state(file.bytes(), path.string());
  if (shard.step != step) fail(path, fmt::format("is of step {}, not {}", shard.step, step));
  return shard;
}

/// The optimizer state of all parameters, filled in piece by piece.
class Joiner {
 public:
  explicit Joiner(const CheckpointState& state) {
    for (const auto& [name, tensor] : state.tensors) {
      if (name.starts_with(parameter_prefix))
        parameters_.emplace(name.substr(parameter_prefix.size()), tensor);
    }
  }

  void add(const CheckpointState& shard, std::size_t number, const fs::path& path) {
    for (std::size_t k = 0; k < shard.tensors.size(); ++k) {
      const auto& [name, array] = shard.tensors[k];
      if (name.starts_with(own_prefix)) {
        own_.emplace_back(fmt::format("worker{}/{}", number, name.substr(own_prefix.size())),
                          array);
        continue;
      }
      if (name != fmt::format("optimizer{}", k) || array.dim() != 1 || !is_host_tensor(array))
        fail(path, "is not a part of a checkpoint");
      for (const Json& piece : shard.meta.at("pieces")) copy(k, piece, array, path);
    }
  }

  void move_into(CheckpointState& state, const fs::path& path) {
    for (auto& [name, tensor] : joined_) {
      if (filled_[name] != tensor.numel()) fail(path, "its shards do not hold all of " + name);
      state.tensors.emplace_back(name, std::move(tensor));
    }
    for (auto& [name, tensor] : own_) state.tensors.emplace_back(name, std::move(tensor));
  }

 private:
  void copy(std::size_t k, const Json& piece, const torch::Tensor& array, const fs::path& path) {
    const auto name = piece.at(0).get<std::string>();
    const auto begin = piece.at(1).get<std::int64_t>();
    const auto count = piece.at(2).get<std::int64_t>();
    const auto at = piece.at(3).get<std::int64_t>();
    const auto parameter = parameters_.find(name);
    const auto within = [](std::int64_t first, std::int64_t n, std::int64_t size) {
      return first >= 0 && n >= 0 && n <= size && first <= size - n;
    };
    if (parameter == parameters_.end() || !within(begin, count, parameter->second.numel()) ||
        !within(at, count, array.numel()))
      fail(path, "holds a piece that does not fit its parameter");
    const std::string full_name = fmt::format("optimizer{}/{}", k, name);
    filled_[full_name] += count;
    torch::Tensor& into = joined_[full_name];
    if (!into.defined()) into = host_zeros(parameter->second.sizes());
    std::copy_n(values_of(array).data() + at, count, values_of(into).data() + begin);
  }

  std::map<std::string, torch::Tensor> parameters_;
  std::map<std::string, torch::Tensor> joined_;
  std::map<std::string, std::int64_t> filled_;
  std::vector<std::pair<std::string, torch::Tensor>> own_;
};

}  // namespace

CheckpointState state_of(const Shard& shard, std::int64_t step) {
  CheckpointState state;
  state.step = step;
  for (std::size_t k = 0; k < shard.arrays.size(); ++k)
    state.tensors.emplace_back(fmt::format("optimizer{}", k), shard.arrays[k]);
  for (const auto& [name, tensor] : shard.own)
    state.tensors.emplace_back(std::string(own_prefix) + name, tensor);
  Json pieces = Json::array();
  for (const Shard::Piece& piece : shard.pieces)
    pieces.push_back({piece.parameter, piece.begin, piece.count, piece.at});
  state.meta["pieces"] = std::move(pieces);
  return state;
}

Json to_json(const std::vector<ShardFile>& shards) {
  Json list = Json::array();
  for (const ShardFile& shard : shards)
    list.push_back({{"file", shard.name}, {"xxh3", shard.xxh3}});
  return list;
}

void join_shards(CheckpointState& state, const fs::path& path) {
  if (!state.meta.contains("shards")) return;
  Joiner joiner(state);
  try {
    std::size_t number = 0;
    for (const Json& entry : state.meta.at("shards")) {
      const auto name = entry.at("file").get<std::string>();
      if (name.find('/') != std::string::npos) fail(path, "names a shard outside its folder");
      const fs::path shard = path.parent_path() / name;
      joiner.add(read_shard(shard, entry.at("xxh3").get<std::uint64_t>(), state.step), number++,
                 shard);
    }
  } catch (const Json::exception& error) {
    throw InputError(
        fmt::format("{}: damaged checkpoint: its list of shards: {}", path.string(), error.what()));
  }
  joiner.move_into(state, path);
  if (has_columns(state)) join_columns(state, path.string());
}

}  // namespace convoy
