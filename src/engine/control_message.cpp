#include "engine/control_message.hpp"

#include <algorithm>
#include <cstring>

#include "core/tensor_bytes.hpp"

namespace convoy {
namespace {

class Writer {
 public:
  explicit Writer(std::vector<std::byte>& into) : at_(into.data()) {}
  void put(const void* from, std::size_t bytes) {
    if (bytes > 0) std::memcpy(at_, from, bytes);
    at_ += bytes;
  }
  void put(double value) { put(&value, sizeof(value)); }

 private:
  std::byte* at_;
};

class Reader {
 public:
  explicit Reader(const std::vector<std::byte>& from) : at_(from.data()) {}
  void get(void* into, std::size_t bytes) {
    if (bytes > 0) std::memcpy(into, at_, bytes);
    at_ += bytes;
  }
  double get() {
    double value = 0;
    get(&value, sizeof(value));
    return value;
  }

 private:
  const std::byte* at_;
};

}  // namespace

ControlExchange::ControlExchange(Communicator& group, const std::vector<Block>& blocks,
                                 std::int64_t lanes, std::vector<Range> worker_lanes,
                                 std::size_t float_values, std::vector<torch::Tensor> counters)
    : group_(group), float_values_(float_values), counters_(std::move(counters)) {
  std::size_t counter_bytes = 0;
  for (const torch::Tensor& counter : counters_) counter_bytes += counter.nbytes();
  std::vector<Range> nodes;
  for (int w = 0; w < group_.size(); ++w) {
    Worker worker{worker_lanes[w], cover(lanes, worker_lanes[w]), {}, {}};
    for (std::size_t b = 0; b < blocks.size(); ++b) {
      if (blocks[b].owner == w) worker.blocks.push_back(static_cast<int>(b));
    }
    const std::size_t values = 6 + worker.blocks.size() +
                               static_cast<std::size_t>(worker.lanes.size()) +
                               worker.nodes.size() * float_values_;
    worker.message.resize(values * sizeof(double) + counter_bytes);
    nodes.insert(nodes.end(), worker.nodes.begin(), worker.nodes.end());
    workers_.push_back(std::move(worker));
  }
  additions_ = additions(lanes, nodes);
}

void ControlExchange::write(Worker& worker, const ControlMessage& message,
                            const std::vector<PartialSum*>& roots,
                            const std::vector<double>& squares) const {
  Writer out(worker.message);
  out.put(message.seconds);
  out.put(message.stop ? 1.0 : 0.0);
  out.put(message.change ? 1.0 : 0.0);
  out.put(message.compute_seconds[group_.rank()]);
  out.put(static_cast<double>(message.replicas[group_.rank()]));
  for (const int b : worker.blocks) out.put(squares[b]);
  out.put(message.losses.data() + worker.lanes.begin,
          static_cast<std::size_t>(worker.lanes.size()) * sizeof(double));
  for (const PartialSum* root : roots)
    out.put(root->buffers.data(), float_values_ * sizeof(double));
  const bool counted = message.counters.size() == counters_.size();
  out.put(counted ? 1.0 : 0.0);
  if (!counted) return;
  for (const torch::Tensor& counter : message.counters) {
    const auto bytes = bytes_of(counter);
    out.put(bytes.data(), bytes.size());
  }
}

void ControlExchange::exchange(ControlMessage& message, const std::vector<PartialSum*>& roots,
                               std::vector<double>& squares) {
  Worker& own = workers_[group_.rank()];
  write(own, message, roots, squares);
  ReceivePieces parts;
  for (Worker& worker : workers_) parts.push_back(worker.message);
  group_.all_gather(own.message, parts);
  std::vector<std::vector<double>> node_buffers;
  message.counters.clear();
  for (std::size_t w = 0; w < workers_.size(); ++w) {
    const Worker& worker = workers_[w];
    Reader in(worker.message);
    message.seconds = std::max(message.seconds, in.get());
    if (in.get() != 0) message.stop = true;
    if (in.get() != 0) message.change = true;
    message.compute_seconds[w] = in.get();
    message.replicas[w] = static_cast<int>(in.get());
    for (const int b : worker.blocks) squares[b] = in.get();
    in.get(message.losses.data() + worker.lanes.begin,
           static_cast<std::size_t>(worker.lanes.size()) * sizeof(double));
    for (std::size_t k = 0; k < worker.nodes.size(); ++k) {
      node_buffers.emplace_back(float_values_);
      in.get(node_buffers.back().data(), float_values_ * sizeof(double));
    }
    const bool counted = in.get() != 0;
    if (!counted || !message.counters.empty()) continue;
    for (const torch::Tensor& counter : counters_) {
      message.counters.push_back(torch::empty(counter.sizes(), counter.scalar_type()));
      const auto bytes = bytes_of(message.counters.back());
      in.get(bytes.data(), bytes.size());
    }
  }
  for (const Addition& add : additions_) {
    std::vector<double>& into = node_buffers[add.into];
    for (std::size_t i = 0; i < into.size(); ++i) into[i] += node_buffers[add.from][i];
  }
  message.buffers = std::move(node_buffers[0]);
}

}  // namespace convoy
