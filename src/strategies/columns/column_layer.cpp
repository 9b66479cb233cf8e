#include "strategies/columns/column_layer.hpp"

#include <ATen/TensorOperators.h>

#include <algorithm>

#include "checkpoint/columns.hpp"
#include "compute/host_tensor.hpp"
#include "core/tensor_bytes.hpp"
#include "engine/blocks.hpp"
#include "engine/flat_parameters.hpp"
#include "engine/model_collectives.hpp"

namespace convoy {
namespace {

// Beside those of exchanges of gradients and weights (engine/exchange).
constexpr int products_tag = Communicator::max_tag;
constexpr int gradients_tag = Communicator::max_tag - 1;
constexpr int columns_tag = Communicator::max_tag - 2;

std::uint64_t bytes_in(const SendPieces& pieces) {
  std::uint64_t bytes = 0;
  for (const auto& piece : pieces) bytes += piece.size();
  return bytes;
}

void wait_for(std::vector<Work>& works) {
  for (Work& work : works) work.wait();
}

}  // namespace

ColumnLayer::ColumnLayer(const ColumnModel& model, Communicator* group, int states,
                         const Compute& device)
    : model_(model),
      group_(group),
      states_(states),
      device_(device),
      sums_(model.partition, device) {
  const Range own = partition().own_parts();
  const std::vector<Range> ranges(partition().parts.begin() + own.begin,
                                  partition().parts.begin() + own.end);
  std::vector<torch::Tensor> initial = model_.model.initial(ranges);
  for (std::size_t i = 0; i < ranges.size(); ++i) {
    Part part;
    part.number = own.begin + static_cast<std::int64_t>(i);
    const std::int64_t first = partition().own_features().begin;
    part.features = {ranges[i].begin - first, ranges[i].end - first};
    part.weight = device_.adopt(std::move(initial[i]));
    for (int k = 0; k < states; ++k) part.states.push_back(device_.zeros(part.weight.sizes()));
    parts_.push_back(std::move(part));
  }
}

void ColumnLayer::begin(std::vector<int> owners) {
  tasks_.clear();
  tasks_.resize(owners.size());
  for (std::size_t t = 0; t < owners.size(); ++t) tasks_[t].owner = owners[t];
}

void ColumnLayer::multiply(std::size_t task, Batch batch, bool keep) {
  const torch::NoGradGuard no_grad;
  Task& t = tasks_[task];
  const torch::Tensor flat = batch.features.flatten(1);
  batch.features = torch::Tensor();
  t.batch = std::move(batch);
  std::vector<torch::Tensor> products;
  for (const Part& part : parts_) {
    torch::Tensor features = flat.narrow(1, part.features.begin, part.features.size()).contiguous();
    const Compute::TorchScope scope(device_);
    products.push_back(device_.adopt(at::mm(features, part.weight.t())));
    if (keep) t.features.push_back(std::move(features));
  }
  t.own = sums_.add_own(std::move(products));
}

std::span<const std::byte> ColumnLayer::outgoing(const torch::Tensor& buffer) const {
  return device_.outgoing(device_.data(buffer), buffer.numel());
}

std::span<std::byte> ColumnLayer::incoming(const torch::Tensor& buffer) const {
  return device_.incoming(device_.data(buffer), buffer.numel());
}

void ColumnLayer::arrived(const torch::Tensor& buffer) const {
  device_.arrived(device_.data(buffer), buffer.numel(), /*add=*/false);
}

// Of a task of this worker, once everybody's sums are there.
torch::Tensor ColumnLayer::sum_of(const Task& task) const {
  std::size_t next = 0;
  for (int w = 0; w < workers(); ++w) {
    for (std::size_t node = 0; node < sums_.nodes(w); ++node, ++next) {
      if (w != rank()) arrived(task.all[next]);
    }
  }
  return sums_.add_all(task.all);
}

torch::Tensor ColumnLayer::gradient_of(const Task& task, const torch::Tensor& features,
                                       at::IntArrayRef sizes) const {
  if (task.batch.size() == 0) return device_.zeros(sizes);
  const Compute::TorchScope scope(device_);
  return device_.adopt(at::mm(task.gradient.t(), features));
}

// One message from each worker to each other, of all tasks.
void ColumnLayer::share_products() {
  const torch::NoGradGuard no_grad;
  std::vector<ReceivePieces> in(static_cast<std::size_t>(workers()));
  std::vector<SendPieces> out(static_cast<std::size_t>(workers()));
  for (Task& task : tasks_) {
    if (task.owner != rank()) {
      for (const torch::Tensor& sums : task.own) out[task.owner].push_back(outgoing(sums));
      continue;
    }
    for (int w = 0; w < workers(); ++w) {
      if (w == rank()) {
        task.all.insert(task.all.end(), task.own.begin(), task.own.end());
        continue;
      }
      for (std::size_t node = 0; node < sums_.nodes(w); ++node) {
        task.all.push_back(device_.empty(task.own[0].sizes()));
        in[w].push_back(incoming(task.all.back()));
      }
    }
  }
  std::vector<Work> works;
  for (int w = 0; w < workers(); ++w) {
    if (!in[w].empty()) works.push_back(group_->irecv(w, products_tag, std::move(in[w])));
  }
  for (int w = 0; w < workers(); ++w) {
    if (out[w].empty()) continue;
    bytes_sent_ += bytes_in(out[w]);
    works.push_back(group_->isend(w, products_tag, std::move(out[w])));
  }
  wait_for(works);
  for (Task& task : tasks_) {
    if (task.owner == rank()) task.sums = sum_of(task);
    task.own.clear();
    task.all.clear();
  }
}

Batch ColumnLayer::sums_of(std::size_t task, bool keep) {
  Task& t = tasks_[task];
  t.sums = t.sums.detach();  // without the gradient of an earlier call
  t.sums.set_requires_grad(keep);
  return {t.sums, t.batch.target, t.batch.samples};
}

void ColumnLayer::share_gradients() {
  const torch::NoGradGuard no_grad;
  std::vector<ReceivePieces> in(static_cast<std::size_t>(workers()));
  SendPieces out;
  for (Task& task : tasks_) {
    const std::int64_t samples = task.batch.size();
    if (task.owner == rank()) {
      const torch::Tensor gradient = task.sums.grad();
      task.gradient = gradient.defined() ? device_.adopt(gradient.contiguous())
                                         : device_.zeros({samples, model_.model.units});
      out.push_back(outgoing(task.gradient));
    } else {
      task.gradient = device_.empty({samples, model_.model.units});
      in[task.owner].push_back(incoming(task.gradient));
    }
  }
  std::vector<Work> works;
  for (int w = 0; w < workers(); ++w) {
    if (!in[w].empty()) works.push_back(group_->irecv(w, gradients_tag, std::move(in[w])));
  }
  for (int w = 0; w < workers() && !out.empty(); ++w) {
    if (w == rank()) continue;
    bytes_sent_ += bytes_in(out);
    works.push_back(group_->isend(w, gradients_tag, out));
  }
  wait_for(works);
  for (const Task& task : tasks_) {
    if (task.owner != rank()) arrived(task.gradient);
  }
}

void ColumnLayer::add_gradients(int replica, int replicas) {
  const torch::NoGradGuard no_grad;
  const Range share = even_part(static_cast<std::int64_t>(parts_.size()), replicas, replica);
  for (std::int64_t p = share.begin; p < share.end; ++p) {
    Part& part = parts_[static_cast<std::size_t>(p)];
    TreeAdder adder(static_cast<std::int64_t>(tasks_.size()), device_);
    for (Task& task : tasks_) {
      torch::Tensor& features = task.features[static_cast<std::size_t>(p)];
      adder.add(gradient_of(task, features, part.weight.sizes()));
      features = torch::Tensor();
    }
    part.gradient = adder.sum();
    part.squares.clear();
    const Element* const values = device_.data(part.gradient);
    for (std::int64_t at = 0; at < part.gradient.numel(); at += block_size)
      part.squares.push_back(
          device_.sum_of_squares(values + at, std::min(block_size, part.gradient.numel() - at)));
  }
}

// Block by block in the order of parts, as the norm of a whole gradient is summed.
double ColumnLayer::squared_norm() {
  std::vector<double> mine;
  for (const Part& part : parts_) mine.insert(mine.end(), part.squares.begin(), part.squares.end());
  std::vector<std::vector<double>> all(static_cast<std::size_t>(workers()));
  if (group_ == nullptr) {
    all[0] = std::move(mine);
  } else {
    ReceivePieces pieces;
    for (int w = 0; w < workers(); ++w) {
      std::size_t blocks = 0;
      const Range owned = partition().workers[w];
      for (std::int64_t p = owned.begin; p < owned.end; ++p) {
        const std::int64_t size = partition().parts[p].size() * model_.model.units;
        blocks += static_cast<std::size_t>((size + block_size - 1) / block_size);
      }
      all[w].resize(blocks);
      pieces.push_back(std::as_writable_bytes(std::span(all[w])));
    }
    group_->all_gather(std::as_bytes(std::span(mine)), pieces);
  }
  double sum = 0;
  for (const std::vector<double>& squares : all) {
    for (const double square : squares) sum += square;
  }
  return sum;
}

void ColumnLayer::update(int replica, int replicas, const Optimizer& optimizer,
                         const UpdateContext& context) {
  const Range share = even_part(static_cast<std::int64_t>(parts_.size()), replicas, replica);
  std::vector<Element*> states(static_cast<std::size_t>(states_));
  for (std::int64_t p = share.begin; p < share.end; ++p) {
    Part& part = parts_[static_cast<std::size_t>(p)];
    Element* const weights = device_.data(part.weight);
    const Element* const gradient = device_.data(part.gradient);
    for (std::int64_t at = 0; at < part.weight.numel(); at += block_size) {
      for (std::size_t k = 0; k < states.size(); ++k) states[k] = device_.data(part.states[k]) + at;
      device_.update(optimizer, weights + at, gradient + at, states,
                     std::min(block_size, part.weight.numel() - at), context);
    }
  }
}

std::int64_t ColumnLayer::bytes() const {
  std::int64_t elements = 0;
  for (const Part& part : parts_) elements += part.weight.numel() * (1 + states_);
  return elements * static_cast<std::int64_t>(sizeof(Element));
}

std::vector<std::pair<std::string, torch::Tensor>> ColumnLayer::worker_state() const {
  std::vector<std::pair<std::string, torch::Tensor>> state;
  for (const Part& part : parts_) {
    state.emplace_back(column_state_name(part.number, -1), device_.to_host(part.weight));
    for (int k = 0; k < states_; ++k)
      state.emplace_back(column_state_name(part.number, k), device_.to_host(part.states[k]));
  }
  return state;
}

int ColumnLayer::owner_of(std::int64_t part) const {
  int owner = 0;
  while (partition().workers[owner].end <= part) ++owner;
  return owner;
}

torch::Tensor& ColumnLayer::array(Part& part, int k) const {
  return k < 0 ? part.weight : part.states[static_cast<std::size_t>(k)];
}

torch::Tensor ColumnLayer::columns_of(const torch::Tensor& whole, std::int64_t part) const {
  const Range features = partition().parts[static_cast<std::size_t>(part)];
  return whole.narrow(1, features.begin, features.size());
}

torch::Tensor ColumnLayer::gather(int k) const {
  const torch::NoGradGuard no_grad;
  torch::Tensor whole;
  if (rank() == 0) whole = host_tensor({model_.model.units, partition().features()});
  for (std::int64_t p = 0; p < static_cast<std::int64_t>(partition().parts.size()); ++p) {
    const int owner = owner_of(p);
    torch::Tensor columns;
    if (owner == rank()) {
      const Part& own = parts_[static_cast<std::size_t>(p - partition().own_parts().begin)];
      columns = device_.to_host(k < 0 ? own.weight : own.states[static_cast<std::size_t>(k)]);
      if (rank() != 0) group_->send(0, columns_tag, bytes_of(columns));
    } else if (rank() == 0) {
      columns = host_tensor(columns_of(whole, p).sizes());
      group_->recv(owner, columns_tag, bytes_of(columns));
    }
    if (rank() == 0) columns_of(whole, p).copy_(columns);
  }
  return whole;
}

void ColumnLayer::scatter(const std::vector<torch::Tensor>& whole) {
  const torch::NoGradGuard no_grad;
  for (int k = -1; k < states_; ++k) {
    for (std::int64_t p = 0; p < static_cast<std::int64_t>(partition().parts.size()); ++p) {
      const int owner = owner_of(p);
      torch::Tensor own;
      if (owner == rank())
        own = array(parts_[static_cast<std::size_t>(p - partition().own_parts().begin)], k);
      if (rank() == 0) {
        const torch::Tensor columns =
            columns_of(whole[static_cast<std::size_t>(k + 1)], p).contiguous();
        if (owner == 0)
          device_.assign(own, columns);
        else
          group_->send(owner, columns_tag, bytes_of(columns));
      } else if (owner == rank()) {
        receive_tensor(*group_, device_, 0, columns_tag, own);
      }
    }
  }
}

}  // namespace convoy
