#include "engine/model_collectives.hpp"

#include <fmt/format.h>

#include <exception>
#include <nlohmann/json.hpp>
#include <string>

#include "convoy/core/error.hpp"
#include "core/tensor_bytes.hpp"
#include "engine/optimizer_shards.hpp"

namespace convoy {
namespace {

constexpr int state_tag = 1;
constexpr int inference_tag = 2;

nlohmann::json shape_of(const torch::Tensor& tensor) {
  if (!tensor.defined()) return nullptr;
  return {{"shape", tensor.sizes().vec()}, {"type", static_cast<int>(tensor.scalar_type())}};
}

void send_inference(Communicator& group, const Inference& mine) {
  for (const torch::Tensor& tensor : {mine.outputs, mine.target}) {
    if (tensor.defined()) group.send(0, inference_tag, bytes_of(tensor.contiguous()));
  }
  group.send(0, inference_tag, std::as_bytes(std::span(mine.samples)));
}

}  // namespace

void agree(Communicator& group, const std::function<void()>& work) {
  std::exception_ptr own;
  std::string text;
  try {
    work();
  } catch (const std::exception& error) {
    own = std::current_exception();
    text = error.what();
    if (text.empty()) text = "unknown error";
  }
  const std::vector<std::string> all = group.all_gather(text);
  if (own) std::rethrow_exception(own);
  for (std::size_t worker = 0; worker < all.size(); ++worker) {
    if (!all[worker].empty())
      throw PeerError(static_cast<int>(worker), fmt::format("worker {}: {}", worker, all[worker]));
  }
}

Inference gather_inference(Communicator& group, const Inference& mine) {
  using Json = nlohmann::json;
  const Json own = {{"outputs", shape_of(mine.outputs)},
                    {"target", shape_of(mine.target)},
                    {"samples", mine.samples.size()}};
  const std::vector<std::string> headers = group.all_gather(own.dump());
  if (group.rank() != 0) {
    send_inference(group, mine);
    return {};
  }
  Inference whole = mine;
  std::vector<torch::Tensor> outputs;
  std::vector<torch::Tensor> targets;
  if (mine.outputs.defined()) outputs.push_back(mine.outputs);
  if (mine.target.defined()) targets.push_back(mine.target);
  for (int worker = 1; worker < group.size(); ++worker) {
    const Json header = Json::parse(headers[static_cast<std::size_t>(worker)]);
    const auto receive = [&](const char* key, std::vector<torch::Tensor>& into) {
      if (header[key].is_null()) return;
      into.push_back(torch::empty(header[key]["shape"].get<std::vector<std::int64_t>>(),
                                  static_cast<torch::ScalarType>(header[key]["type"].get<int>())));
      group.recv(worker, inference_tag, bytes_of(into.back()));
    };
    receive("outputs", outputs);
    receive("target", targets);
    std::vector<std::int64_t> samples(header["samples"].get<std::size_t>());
    group.recv(worker, inference_tag, std::as_writable_bytes(std::span(samples)));
    whole.samples.insert(whole.samples.end(), samples.begin(), samples.end());
  }
  if (!outputs.empty()) whole.outputs = torch::cat(outputs);
  if (!targets.empty()) whole.target = torch::cat(targets);
  return whole;
}

void broadcast_tensor(Communicator& group, const Compute& device, int source,
                      const torch::Tensor& tensor) {
  const torch::Tensor host = device.to_host(tensor);
  group.broadcast(bytes_of(host), source);
  if (!host.is_alias_of(tensor) && group.rank() != source) device.assign(tensor, host);
}

void send_tensor(Communicator& group, const Compute& device, int to, int tag,
                 const torch::Tensor& tensor) {
  const torch::Tensor host = device.to_host(tensor);
  group.send(to, tag, bytes_of(host));
}

void receive_tensor(Communicator& group, const Compute& device, int from, int tag,
                    const torch::Tensor& tensor) {
  const torch::Tensor host = device.to_host(tensor);
  group.recv(from, tag, bytes_of(host));
  if (!host.is_alias_of(tensor)) device.assign(tensor, host);
}

void broadcast_weights(Communicator& group, int source, FlatParameters& weights,
                       std::vector<torch::Tensor>& states) {
  const Compute& device = weights.device();
  broadcast_tensor(group, device, source, weights.flat());
  for (auto& [name, tensor] : weights.buffers()) broadcast_tensor(group, device, source, tensor);
  for (torch::Tensor& state : states) broadcast_tensor(group, device, source, state);
}

void scatter_states(Communicator& group, const Compute& device, const std::vector<Block>& blocks,
                    const std::vector<torch::Tensor>& flat_states,
                    std::vector<torch::Tensor>& local_states) {
  for (std::size_t k = 0; k < local_states.size(); ++k) {
    if (group.rank() != 0) {
      receive_tensor(group, device, 0, state_tag, local_states[k]);
      continue;
    }
    for (int worker = 1; worker < group.size(); ++worker) {
      send_tensor(group, device, worker, state_tag,
                  compact_state(device, blocks, worker, flat_states[k]));
    }
    local_states[k] = compact_state(device, blocks, 0, flat_states[k]);
  }
}

}  // namespace convoy
