#include "engine/host_update.hpp"

#include <algorithm>

#include "convoy/core/error.hpp"

namespace convoy {
namespace {

constexpr int agreed_tag = Communicator::max_tag - 1;
constexpr int done_tag = Communicator::max_tag;
constexpr std::int64_t cache_line = 64;
constexpr std::int64_t elements_of_line = cache_line / static_cast<std::int64_t>(sizeof(Element));

std::int64_t whole_lines(std::int64_t elements) {
  return (elements + elements_of_line - 1) / elements_of_line * elements_of_line;
}

}  // namespace

HostUpdate::HostUpdate(Communicator& group, Options options, int states,
                       const std::vector<std::string>& replicas)
    : group_(group),
      options_(std::move(options)),
      device_(*options_.device),
      state_count_(states),
      neighbours_(local_ranks(group)),
      barrier_(group) {
  for (std::int64_t worker = neighbours_.begin; worker < neighbours_.end; ++worker) {
    std::vector<int> held;
    for (std::size_t b = 0; b < options_.blocks.size(); ++b) {
      if (options_.holders[b] == worker) held.push_back(static_cast<int>(b));
    }
    const int parts = std::stoi(replicas[static_cast<std::size_t>(worker)]);
    for (std::vector<int>& blocks : share_blocks(options_.blocks, held, parts)) {
      Slice slice{static_cast<int>(worker), std::move(blocks), {}, {}, nullptr};
      std::int64_t begin = 0;
      for (const int b : slice.blocks) {
        slice.begins.push_back(begin);
        begin += whole_lines(options_.blocks[b].count);
      }
      slices_.push_back(std::move(slice));
    }
  }
  // Not a multiple of a page: what is read and what is written fall into different lines of a
  // cache.
  shift_ = block_size + 5 * elements_of_line;
}

// Where everything is in the segment that begins there; returns its size. Null: only that.
std::size_t HostUpdate::plan(std::byte* memory) {
  std::size_t size = slices_.size() * cache_line;
  const auto elements = [&](std::int64_t count) {
    Element* begin = memory == nullptr ? nullptr : reinterpret_cast<Element*>(memory + size);
    size += static_cast<std::size_t>(whole_lines(count)) * sizeof(Element);
    return begin;
  };
  sums_ = elements(options_.size);
  new_weights_ = elements(options_.size);
  for (std::size_t s = 0; s < slices_.size(); ++s) {
    Slice& slice = slices_[s];
    if (memory != nullptr)
      slice.done = reinterpret_cast<std::atomic<std::uint64_t>*>(memory + s * cache_line);
    std::int64_t length = shift_;
    for (const int b : slice.blocks) length += whole_lines(options_.blocks[b].count);
    slice.states.clear();
    for (int k = 0; k < state_count_; ++k)
      slice.states.push_back(elements(length + elements_of_line));
  }
  return size;
}

std::unique_ptr<HostUpdate> HostUpdate::make(Communicator& group, Options options,
                                             const std::vector<torch::Tensor>& states) {
  const auto replicas = group.all_gather(std::to_string(options.replicas));
  std::unique_ptr<HostUpdate> made(
      new HostUpdate(group, std::move(options), static_cast<int>(states.size()), replicas));
  made->memory_ = make_host_shared_memory(group, made->plan(nullptr), [&](std::byte* memory) {
    made->plan(memory);
    made->fill(states);
  });
  if (!made->memory_) return nullptr;
  return made;
}

// This worker's blocks' states, as the first update expects them.
void HostUpdate::fill(const std::vector<torch::Tensor>& states) {
  std::vector<Element*> at(states.size());
  for (const Slice& slice : slices_) {
    for (std::size_t i = 0; slice.worker == group_.rank() && i < slice.blocks.size(); ++i) {
      const Block& block = options_.blocks[slice.blocks[i]];
      locate(slice, i, 0, at);
      for (std::size_t k = 0; k < at.size(); ++k)
        device_.copy(at[k], device_.data(states[k]) + block.flat_begin, block.count);
    }
  }
}

// Before the first update they lie high, after it low, and so on.
void HostUpdate::locate(const Slice& slice, std::size_t index, std::uint64_t updates,
                        std::vector<Element*>& at) const {
  const std::int64_t begin = slice.begins[index] + (updates % 2 == 0 ? shift_ : 0);
  for (std::size_t k = 0; k < at.size(); ++k) at[k] = slice.states[k] + begin;
}

// The block whose turn it is, of those of the update under way.
std::size_t HostUpdate::nth(const Slice& slice, std::size_t place) const {
  return updates_ % 2 == 0 ? place : slice.blocks.size() - 1 - place;
}

// Says so to all of the host, and waits until they do. What is true is in the segment; this only
// wakes.
bool HostUpdate::host_barrier(int tag) {
  try {
    barrier_.wait(tag);
    return true;
  } catch (const PeerError&) {
    failure_ = std::current_exception();
    return false;
  }
}

// Who has not committed must find all states as they were: so nobody changes one before all have.
bool HostUpdate::begin() {
  if (options_.at) options_.at(Moment::agreed);
  return host_barrier(agreed_tag);
}

void HostUpdate::update(int replica, Element* weights, const UpdateRule& optimizer,
                        const UpdateContext& context) {
  const auto first = std::find_if(slices_.begin(), slices_.end(),
                                  [this](const Slice& s) { return s.worker == group_.rank(); });
  const Slice& slice = first[replica];
  std::vector<Element*> from(static_cast<std::size_t>(state_count_));
  std::vector<Element*> to(from.size());
  for (std::size_t place = 0; place < slice.blocks.size(); ++place) {
    const std::size_t index = nth(slice, place);
    const Block& block = options_.blocks[slice.blocks[index]];
    locate(slice, index, updates_, from);
    locate(slice, index, updates_ + 1, to);
    Element* const w = weights + block.flat_begin;
    device_.update(optimizer, w, sums_ + block.flat_begin, from, w, to, block.count, context);
    if (neighbours_.size() > 1) device_.copy(new_weights_ + block.flat_begin, w, block.count);
    if (options_.at) options_.at(Moment::torn);
    slice.done->store(done_before(slice) + place + 1, std::memory_order_release);
    // The next block's state is put where this one's old state may be: not before it is told.
    std::atomic_thread_fence(std::memory_order_seq_cst);
    if (options_.at) options_.at(Moment::done);
  }
}

bool HostUpdate::end(Element* weights) {
  if (options_.at) options_.at(Moment::all_done);
  if (!host_barrier(done_tag)) return false;
  for (const Slice& slice : slices_) {
    if (slice.worker == group_.rank()) continue;
    for (const int b : slice.blocks) {
      const Block& block = options_.blocks[b];
      device_.copy(weights + block.flat_begin, new_weights_ + block.flat_begin, block.count);
    }
  }
  ++updates_;
  return true;
}

std::vector<torch::Tensor> HostUpdate::empty_states() const {
  std::vector<torch::Tensor> states;
  for (int k = 0; k < state_count_; ++k) states.push_back(device_.zeros({options_.size}));
  return states;
}

void HostUpdate::copy_state(const Slice& slice, std::size_t index, std::uint64_t updates,
                            const std::vector<torch::Tensor>& into) const {
  const Block& block = options_.blocks[slice.blocks[index]];
  std::vector<Element*> at(into.size());
  locate(slice, index, updates, at);
  for (std::size_t k = 0; k < into.size(); ++k)
    device_.copy(device_.data(into[k]) + block.flat_begin, at[k], block.count);
}

void HostUpdate::finish_alone(Element* weights, const UpdateRule& optimizer,
                              const UpdateContext& context) {
  recovered_states_ = empty_states();
  for (const Slice& slice : slices_) {
    for (std::size_t place = 0; place < slice.blocks.size(); ++place) {
      if (take_done(slice, place, weights)) continue;
      const Block& block = options_.blocks[slice.blocks[nth(slice, place)]];
      std::vector<Element*> states;
      for (const torch::Tensor& state : recovered_states_)
        states.push_back(device_.data(state) + block.flat_begin);
      device_.update(optimizer, weights + block.flat_begin, sums_ + block.flat_begin, states,
                     block.count, context);
    }
  }
  ++updates_;
}

// False: the block is not done, and its old state has been taken. Its worker may go on meanwhile,
// but does not touch what it has made, and tells that a block is done before it overwrites the old
// state: so if that is not told after the copy either, the copy is good.
bool HostUpdate::take_done(const Slice& slice, std::size_t place, Element* weights) const {
  const std::size_t index = nth(slice, place);
  const std::uint64_t needed = done_before(slice) + place + 1;
  bool done = slice.done->load(std::memory_order_acquire) >= needed;
  if (!done) {
    copy_state(slice, index, updates_, recovered_states_);
    std::atomic_thread_fence(std::memory_order_seq_cst);
    done = slice.done->load(std::memory_order_acquire) >= needed;
  }
  if (!done) return false;
  copy_state(slice, index, updates_ + 1, recovered_states_);
  if (slice.worker == group_.rank()) return true;  // its weights are in place
  const Block& block = options_.blocks[slice.blocks[index]];
  device_.copy(weights + block.flat_begin, new_weights_ + block.flat_begin, block.count);
  return true;
}

std::vector<torch::Tensor> HostUpdate::states() const {
  if (failure_) return recovered_states_;
  std::vector<torch::Tensor> states = empty_states();
  for (const Slice& slice : slices_) {
    for (std::size_t index = 0; index < slice.blocks.size(); ++index)
      copy_state(slice, index, updates_, states);
  }
  return states;
}

}  // namespace convoy
