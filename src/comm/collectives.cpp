// Declared in convoy/comm/communicator.hpp.
// Collectives, written once for all transports. Every worker sends straight to every other: the
// bytes are those of the best known algorithms (reduce-scatter and all-gather move (n - 1) / n of
// the buffer each), and the order of additions is ours to choose.
#include <algorithm>
#include <cstring>

#include "convoy/comm/transport.hpp"
#include "convoy/core/error.hpp"
#include "convoy/core/vectorise.hpp"
#include "convoy/lanes/tree.hpp"

namespace convoy {
namespace {

// Up to this size everybody sends everything to everybody: one round instead of two.
constexpr std::size_t one_round_bytes = 32 << 10;

template <class T>
CONVOY_VECTORISE void combine(T* __restrict into, const T* __restrict from, std::size_t count,
                              ReduceOp op) {
  if (op == ReduceOp::sum) {
    for (std::size_t i = 0; i < count; ++i) into[i] += from[i];
  } else if (op == ReduceOp::min) {
    for (std::size_t i = 0; i < count; ++i) into[i] = std::min(into[i], from[i]);
  } else {
    for (std::size_t i = 0; i < count; ++i) into[i] = std::max(into[i], from[i]);
  }
}

template <class T>
std::span<std::byte> bytes_of(std::span<T> values) {
  return std::as_writable_bytes(values);
}

std::vector<Addition> rank_additions(int size) {
  std::vector<Range> leaves;
  for (int rank = 0; rank < size; ++rank) leaves.push_back({rank, rank + 1});
  return additions(size, leaves);
}

void wait_all(std::vector<Work>& work) {
  for (Work& one : work) one.wait();
}

}  // namespace

/// The collectives themselves, on the thread that runs them.
class Collectives {
 public:
  explicit Collectives(Communicator& c) : c_(c), tag_(c.next_tag()) {}

  void barrier() {  // dissemination (Hensgen, Finkel, Manber 1988)
    for (int distance = 1; distance < c_.size(); distance *= 2) {
      Work out = send((c_.rank() + distance) % c_.size(), {});
      receive((c_.rank() - distance % c_.size() + c_.size()) % c_.size(), {}).wait();
      out.wait();
    }
  }

  void broadcast(std::span<std::byte> bytes, int root) {  // binomial tree
    const int me = (c_.rank() - root + c_.size()) % c_.size();
    const auto rank_of = [&](int relative) { return (relative + root) % c_.size(); };
    int bit = 1;
    for (; bit < c_.size(); bit *= 2) {
      if (me & bit) {
        receive(rank_of(me - bit), bytes).wait();
        break;
      }
    }
    std::vector<Work> work;
    for (bit /= 2; bit > 0; bit /= 2) {
      if (me + bit < c_.size()) work.push_back(send(rank_of(me + bit), bytes));
    }
    wait_all(work);
  }

  void gather(std::span<const std::byte> mine, const ReceivePieces& parts, int root) {
    if (c_.rank() != root) return send(root, mine).wait();
    std::vector<Work> work;
    for (int rank = 0; rank < c_.size(); ++rank) {
      if (rank != root) work.push_back(receive(rank, parts.at(rank)));
    }
    keep_own(mine, parts.at(root));
    wait_all(work);
  }

  void scatter(const SendPieces& parts, std::span<std::byte> mine, int root) {
    if (c_.rank() != root) return receive(root, mine).wait();
    std::vector<Work> work;
    for (int rank = 0; rank < c_.size(); ++rank) {
      if (rank != root) work.push_back(send(rank, parts.at(rank)));
    }
    keep_own(parts.at(root), mine);
    wait_all(work);
  }

  void all_gather(std::span<const std::byte> mine, const ReceivePieces& parts) {
    std::vector<Work> work;
    for (int step = 1; step < c_.size(); ++step) {
      const int peer = (c_.rank() - step + c_.size()) % c_.size();
      work.push_back(receive(peer, parts.at(peer)));
    }
    for (int step = 1; step < c_.size(); ++step)
      work.push_back(send((c_.rank() + step) % c_.size(), mine));
    keep_own(mine, parts.at(c_.rank()));
    wait_all(work);
  }

  template <class T>
  void all_reduce(std::span<T> values, ReduceOp op) {
    if (c_.size() == 1) return;
    if (values.size_bytes() <= one_round_bytes) return reduce_in_one_round(values, op);
    const std::size_t slice = c_.transport_->slice_bytes() / sizeof(T);
    std::vector<Work> before;  // of the slice before: its sums travel while this one is reduced
    for (std::size_t begin = 0; begin < values.size(); begin += slice) {
      const auto part = values.subspan(begin, std::min(slice, values.size() - begin));
      std::vector<Work> sent = reduce_to_owners(part, op);
      for (Work& work : publish(part)) sent.push_back(std::move(work));
      wait_all(before);
      before = std::move(sent);
    }
    wait_all(before);
  }

  void reduce_scatter(std::span<float> values) {
    auto sent = reduce_to_owners(values, ReduceOp::sum);
    wait_all(sent);
  }

 private:
  Work send(int peer, std::span<const std::byte> bytes) { return c_.isend(peer, tag_, {bytes}); }
  Work receive(int peer, std::span<std::byte> bytes, Receive mode = Receive::replace) {
    return c_.irecv(peer, tag_, {bytes}, mode);
  }

  static void keep_own(std::span<const std::byte> from, std::span<std::byte> into) {
    if (from.data() != into.data() && !from.empty())
      std::memmove(into.data(), from.data(), from.size());
  }

  template <class T>
  std::span<T> part_of(std::span<T> values, int rank) const {
    const Range part = even_part(static_cast<std::int64_t>(values.size()), c_.size(), rank);
    return values.subspan(static_cast<std::size_t>(part.begin),
                          static_cast<std::size_t>(part.size()));
  }

  // Memory for what the other ranks send, `count` values each.
  template <class T>
  class Parts {
   public:
    Parts(int size, std::size_t count)
        : memory_(new T[static_cast<std::size_t>(size) * count]), count_(count) {}
    std::span<T> operator[](int rank) const {
      return {memory_.get() + static_cast<std::size_t>(rank) * count_, count_};
    }

   private:
    std::unique_ptr<T[]> memory_;
    std::size_t count_;
  };

  // Adds the parts of all ranks along the tree; `own` is both this rank's part and the result.
  template <class T>
  void combine_parts(const Parts<T>& others, std::span<T> own, ReduceOp op) {
    if (c_.size() == 2) return combine(own.data(), others[1 - c_.rank()].data(), own.size(), op);
    std::vector<T*> parts;
    for (int rank = 0; rank < c_.size(); ++rank)
      parts.push_back(rank == c_.rank() ? own.data() : others[rank].data());
    for (const Addition& add : rank_additions(c_.size())) {
      // a + b and b + a are the same bits: results stay in our own memory where they can.
      if (parts[add.from] == own.data()) std::swap(parts[add.from], parts[add.into]);
      combine(parts[add.into], parts[add.from], own.size(), op);
    }
    if (parts[0] != own.data()) std::memcpy(own.data(), parts[0], own.size_bytes());
  }

  template <class T>
  void reduce_in_one_round(std::span<T> values, ReduceOp op) {
    const Parts<T> others(c_.size(), values.size());
    std::vector<Work> work;
    for (int rank = 0; rank < c_.size(); ++rank) {
      if (rank != c_.rank()) work.push_back(receive(rank, bytes_of(others[rank])));
    }
    for (int step = 1; step < c_.size(); ++step)
      work.push_back(send((c_.rank() + step) % c_.size(), bytes_of(values)));
    wait_all(work);
    combine_parts(others, values, op);
  }

  // Receives are posted before sends everywhere: then messages go straight to where they belong.
  //
  // Returns the sends still under way: they read the other ranks' parts of `values`.
  template <class T>
  std::vector<Work> reduce_to_owners(std::span<T> values, ReduceOp op) {
    const std::span<T> own = part_of(values, c_.rank());
    const bool adds_in_place = c_.size() == 2 && std::is_same_v<T, float> && op == ReduceOp::sum;
    const Parts<T> others(adds_in_place ? 0 : c_.size(), own.size());
    std::vector<Work> received;
    for (int step = 1; step < c_.size(); ++step) {
      const int peer = (c_.rank() - step + c_.size()) % c_.size();
      received.push_back(adds_in_place ? receive(peer, bytes_of(own), Receive::add)
                                       : receive(peer, bytes_of(others[peer])));
    }
    std::vector<Work> sent;
    for (int step = 1; step < c_.size(); ++step) {
      const int peer = (c_.rank() + step) % c_.size();
      sent.push_back(send(peer, bytes_of(part_of(values, peer))));
    }
    wait_all(received);
    if (!adds_in_place) combine_parts(others, own, op);
    return sent;
  }

  // A part comes when its owner has all it is the sum of, what was sent to it from here included:
  // so it may be received where that was sent from.
  template <class T>
  std::vector<Work> publish(std::span<T> values) {
    std::vector<Work> work;
    for (int step = 1; step < c_.size(); ++step) {
      const int peer = (c_.rank() - step + c_.size()) % c_.size();
      work.push_back(receive(peer, bytes_of(part_of(values, peer))));
    }
    const auto own = bytes_of(part_of(values, c_.rank()));
    for (int step = 1; step < c_.size(); ++step)
      work.push_back(send((c_.rank() + step) % c_.size(), own));
    return work;
  }

  Communicator& c_;
  int tag_;
};

void Communicator::barrier() {
  run([&] { Collectives(*this).barrier(); });
}
void Communicator::broadcast(std::span<std::byte> bytes, int root) {
  run([&] { Collectives(*this).broadcast(bytes, root); });
}
void Communicator::gather(std::span<const std::byte> mine, const ReceivePieces& parts, int root) {
  run([&] { Collectives(*this).gather(mine, parts, root); });
}
void Communicator::scatter(const SendPieces& parts, std::span<std::byte> mine, int root) {
  run([&] { Collectives(*this).scatter(parts, mine, root); });
}
void Communicator::all_gather(std::span<const std::byte> mine, const ReceivePieces& parts) {
  run([&] { Collectives(*this).all_gather(mine, parts); });
}
template <class T>
void Communicator::all_reduce(std::span<T> values, ReduceOp op) {
  run([&] { Collectives(*this).all_reduce(values, op); });
}
void Communicator::reduce_scatter(std::span<float> values) {
  run([&] { Collectives(*this).reduce_scatter(values); });
}

std::vector<std::string> Communicator::all_gather(const std::string& mine) {
  std::vector<std::uint64_t> sizes(static_cast<std::size_t>(size()));
  const std::uint64_t own_size = mine.size();
  ReceivePieces parts;
  for (std::uint64_t& one : sizes) parts.push_back(std::as_writable_bytes(std::span(&one, 1)));
  all_gather(std::as_bytes(std::span(&own_size, 1)), parts);
  std::vector<std::string> all;
  for (const std::uint64_t one : sizes) all.emplace_back(one, '\0');
  parts.clear();
  for (std::string& text : all)
    parts.push_back(std::as_writable_bytes(std::span(text.data(), text.size())));
  all_gather(std::as_bytes(std::span(mine.data(), mine.size())), parts);
  return all;
}

Work Communicator::ibarrier() {
  return enqueue([this] { Collectives(*this).barrier(); });
}
Work Communicator::ibroadcast(std::span<std::byte> bytes, int root) {
  return enqueue([this, bytes, root] { Collectives(*this).broadcast(bytes, root); });
}
Work Communicator::igather(std::span<const std::byte> mine, ReceivePieces parts, int root) {
  return enqueue([this, mine, parts = std::move(parts), root] {
    Collectives(*this).gather(mine, parts, root);
  });
}
Work Communicator::iscatter(SendPieces parts, std::span<std::byte> mine, int root) {
  return enqueue([this, mine, parts = std::move(parts), root] {
    Collectives(*this).scatter(parts, mine, root);
  });
}
Work Communicator::iall_gather(std::span<const std::byte> mine, ReceivePieces parts) {
  return enqueue(
      [this, mine, parts = std::move(parts)] { Collectives(*this).all_gather(mine, parts); });
}
template <class T>
Work Communicator::iall_reduce(std::span<T> values, ReduceOp op) {
  return enqueue([this, values, op] { Collectives(*this).all_reduce(values, op); });
}
Work Communicator::ireduce_scatter(std::span<float> values) {
  return enqueue([this, values] { Collectives(*this).reduce_scatter(values); });
}

template void Communicator::all_reduce<float>(std::span<float>, ReduceOp);
template void Communicator::all_reduce<double>(std::span<double>, ReduceOp);
template void Communicator::all_reduce<std::int64_t>(std::span<std::int64_t>, ReduceOp);
template Work Communicator::iall_reduce<float>(std::span<float>, ReduceOp);
template Work Communicator::iall_reduce<double>(std::span<double>, ReduceOp);
template Work Communicator::iall_reduce<std::int64_t>(std::span<std::int64_t>, ReduceOp);

}  // namespace convoy
