// Declared in strategies/parameter_server/server_worker.hpp.
// What a worker has from the servers, and gives them to begin with: weights, optimizer state,
// running statistics.
#include <algorithm>
#include <cstring>

#include "compute/host_tensor.hpp"
#include "core/tensor_bytes.hpp"
#include "engine/optimizer_shards.hpp"
#include "server/lines.hpp"
#include "server/shard.hpp"
#include "strategies/parameter_server/server_worker.hpp"

namespace convoy {
namespace {

using server::Flag;
using server::Kind;
using server::Message;

std::vector<double> statistics_of(const FlatParameters& weights) {
  std::vector<double> values;
  for (const auto& [name, tensor] : weights.buffers()) {
    if (!tensor.is_floating_point()) continue;
    const std::vector<double> own = doubles_of(tensor);
    values.insert(values.end(), own.begin(), own.end());
  }
  return values;
}

}  // namespace

std::string bytes_of_counters(const std::vector<torch::Tensor>& counters) {
  std::string bytes;
  for (const torch::Tensor& counter : counters) {
    const torch::Tensor dense = counter.contiguous();
    const auto own = bytes_of(dense);
    bytes.append(reinterpret_cast<const char*>(own.data()), own.size());
  }
  return bytes;
}

void ServerWorker::send_hello(const std::string& identity) {
  for (std::uint32_t shard = 0; shard < link_->shards(); ++shard) {
    Message hello = request(Kind::hello, shard);
    hello.text = identity;
    link_->call(std::move(hello));
  }
}

void ServerWorker::prepare(const FlatParameters& weights, const std::vector<torch::Tensor>& states,
                           std::int64_t step, std::int64_t updates, std::int64_t workers) {
  server::ShardPlan plan{options_.own, options_.shared.lanes, options_.rules.steps,          step,
                         workers,      options_.optimizer,    options_.strategy.compression, {}};
  const Compute& device = weights.device();
  std::vector<torch::Tensor> arrays = {weights.flat()};
  arrays.insert(arrays.end(), states.begin(), states.end());
  for (std::uint32_t shard = 0; shard < link_->shards(); ++shard) {
    plan.counts.clear();
    for (const int b : shard_blocks_[shard]) plan.counts.push_back(blocks_[b].count);
    Message begin = request(Kind::plan, shard);
    begin.text = plan.text();
    if (shard == 0) begin.numbers = statistics_of(weights);
    link_->call(std::move(begin));
    for (std::size_t k = 0; k < arrays.size(); ++k) {
      const torch::Tensor part =
          device.to_host(compact_state(device, blocks_, static_cast<int>(shard), arrays[k]));
      for (std::int64_t first = 0; first < part.numel(); first += most_floats) {
        Message load = request(Kind::load, shard);
        load.array = static_cast<std::uint32_t>(k);
        load.first = first;
        load.data = values_of(part).subspan(
            static_cast<std::size_t>(first),
            static_cast<std::size_t>(std::min(most_floats, part.numel() - first)));
        link_->call(std::move(load));
      }
    }
    Message ready = request(Kind::ready, shard);
    ready.count = updates;
    if (shard == 0) ready.text = bytes_of_counters(counters_of(weights));
    link_->call(std::move(ready));
  }
}

void ServerWorker::start_pulls(std::uint64_t task, std::int64_t version) {
  for (std::uint32_t shard = 0; shard < link_->shards(); ++shard) {
    const std::int64_t size = state_size(blocks_, static_cast<int>(shard));
    for (std::int64_t first = 0; first < size; first += most_floats) {
      Message pull = request(Kind::pull, shard);
      pull.task = task;
      pull.version = version;
      pull.first = first;
      pull.count = std::min(most_floats, size - first);
      if (const auto known = known_.find({shard, first}); known != known_.end())
        pull.rows = {known->second.version, known->second.source};
      pulls_.push_back({link_->start(std::move(pull)), shard, first});
    }
  }
}

void ServerWorker::finish_pulls(Pulled& pulled) {
  for (const Pull& pull : pulls_) {
    pulled.push_back({pull.shard, pull.first, link_->wait(pull.id)});
    const Message& m = pulled.back().answer.message;
    known_[{pull.shard, pull.first}] = {static_cast<std::uint64_t>(m.version), m.array};
  }
  pulls_.clear();
}

void ServerWorker::take_in(const Pulled& pulled) {
  for (const Piece& piece : pulled) {
    const Message& m = piece.answer.message;
    if (!m.has(Flag::lines)) {
      take_in(piece.shard, piece.first, m.data);
      continue;
    }
    std::span<const float> rest = m.data;
    for (const std::uint64_t run : m.rows) {
      const auto count = static_cast<std::size_t>((run & 0xffffffff) * server::line_floats);
      const auto first = static_cast<std::int64_t>((run >> 32) * server::line_floats);
      const std::span<const float> lines = rest.first(std::min(count, rest.size()));
      take_in(piece.shard, piece.first + first, lines);
      rest = rest.subspan(lines.size());
    }
  }
}

// Weights of a shard from its element `first` on.
void ServerWorker::take_in(std::uint32_t shard, std::int64_t first, std::span<const float> data) {
  const std::vector<int>& blocks = shard_blocks_[shard];
  const auto end = first + static_cast<std::int64_t>(data.size());
  auto b = std::partition_point(blocks.begin(), blocks.end(), [&](int number) {
    return blocks_[number].state_begin + blocks_[number].count <= first;
  });
  for (; b != blocks.end() && blocks_[*b].state_begin < end; ++b) {
    const Block& block = blocks_[*b];
    const std::int64_t from = std::max(block.state_begin, first);
    const std::int64_t to = std::min(block.state_begin + block.count, end);
    if (from >= to) continue;
    weights_.device().copy(weights_.data() + block.flat_begin + (from - block.state_begin),
                           data.data() + (from - first), to - from);
  }
}

void ServerWorker::use_buffers(const Message& answer) {
  const torch::NoGradGuard no_grad;
  std::size_t next_value = 2;
  std::size_t next_byte = 0;
  for (auto& [name, tensor] : weights_.buffers()) {
    if (tensor.is_floating_point()) {
      const auto count = static_cast<std::size_t>(tensor.numel());
      if (next_value + count > answer.numbers.size()) return;
      const std::vector<double> values(answer.numbers.begin() + next_value,
                                       answer.numbers.begin() + next_value + count);
      tensor.copy_(torch::tensor(values, torch::kDouble).view(tensor.sizes()));
      next_value += count;
    } else if (next_byte + tensor.nbytes() <= answer.text.size()) {
      torch::Tensor sent = torch::empty(tensor.sizes(), tensor.scalar_type());
      std::memcpy(bytes_of(sent).data(), answer.text.data() + next_byte, sent.nbytes());
      tensor.copy_(sent);
      next_byte += tensor.nbytes();
    }
  }
}

std::vector<torch::Tensor> ServerWorker::fetch_states(int count) {
  const Compute& device = weights_.device();
  std::vector<torch::Tensor> states;
  for (int k = 0; k < count; ++k) {
    torch::Tensor flat = device.zeros({weights_.size()});
    for (std::uint32_t shard = 0; shard < link_->shards(); ++shard) {
      const std::int64_t size = state_size(blocks_, static_cast<int>(shard));
      torch::Tensor part = device.zeros({size});
      for (std::int64_t first = 0; first < size; first += most_floats) {
        Message fetch = request(Kind::fetch, shard);
        fetch.array = static_cast<std::uint32_t>(k + 1);
        fetch.first = first;
        fetch.count = std::min(most_floats, size - first);
        const server::Answer answer = link_->call(std::move(fetch));
        updates_ = answer.message.count;
        device.copy(device.data(part) + first, answer.message.data.data(),
                    static_cast<std::int64_t>(answer.message.data.size()));
      }
      expand_state(device, blocks_, static_cast<int>(shard), part, flat);
    }
    states.push_back(std::move(flat));
  }
  return states;
}

}  // namespace convoy
