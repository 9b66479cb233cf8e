#pragma once
// A worker's end of its group: point-to-point messages and collectives over one transport.
//
// Collectives give the same bits on every transport: sums are taken along the reduction tree over
// the ranks (lanes/tree.hpp), never in the order in which messages happen to arrive.
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <future>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "convoy/core/peers.hpp"

#pragma GCC visibility push(default)

namespace convoy {

class Transport;
class Transfer;

/// Memory that makes up one message, in order. The lists are copied; the memory must stay as it is
/// until the operation's wait() returns.
using SendPieces = std::vector<std::span<const std::byte>>;
using ReceivePieces = std::vector<std::span<std::byte>>;

/// What to do with a message's bytes. `add`: they are float32 values, added to those in memory at
/// some moment before wait() returns.
enum class Receive { replace, add };

enum class ReduceOp { sum, min, max };

/// An operation under way. Copies share it. Dropping the last one does not cancel the operation;
/// its memory must live on until the peer has received or sent, so wait for it.
class Work {
 public:
  Work() = default;  ///< nothing to wait for
  /// Returns when it is done; at once when it was waited for before. Throws TimeoutError after the
  /// communicator's timeout, PeerError naming the lost worker.
  void wait();

 private:
  friend class Communicator;
  Work(std::shared_ptr<Transfer> transfer, std::chrono::milliseconds timeout)
      : transfer_(std::move(transfer)), timeout_(timeout) {}
  explicit Work(std::shared_future<void> collective) : collective_(std::move(collective)) {}

  std::shared_ptr<Transfer> transfer_;  // of a message
  std::chrono::milliseconds timeout_{};
  std::shared_future<void> collective_;  // or of an asynchronous collective
};

/// One worker's communicator. All members of a group call the same collectives in the same order;
/// sizes and roots must agree. Point-to-point messages between two ranks with one tag arrive in
/// the order they were sent. Thread-safe for point-to-point; collectives from one thread at a time.
///
/// Every operation ends by the timeout: with TimeoutError or PeerError if not with success. After
/// either the group is broken: destroy the communicator.
class Communicator final : public Peers {
 public:
  /// Tags of point-to-point messages are 0 to max_tag.
  static constexpr int max_tag = (1 << 24) - 1;

  /// `hosts[r]` numbers the host of rank r: ranks of a host are neighbours, hosts in ascending
  /// order.
  Communicator(std::unique_ptr<Transport> transport, int rank, std::vector<int> hosts,
               std::chrono::milliseconds timeout);
  ~Communicator() override;
  Communicator(const Communicator&) = delete;
  Communicator& operator=(const Communicator&) = delete;

  int rank() const override { return rank_; }
  int size() const override { return static_cast<int>(hosts_.size()); }
  const std::vector<int>& hosts() const { return hosts_; }
  /// "thread", "shm", "tcp", "mpi", or "shm+tcp" where it depends on the peer.
  std::string_view transport() const;
  std::chrono::milliseconds timeout() const { return timeout_; }
  /// Payload bytes handed to the transport so far, all messages and collectives.
  std::uint64_t bytes_sent() const;

  /// Aborts the group, from any thread: operations under way here, and all later ones, throw
  /// PeerError. The other members notice when they wait for this one.
  void abort();

  // Point-to-point.
  Work isend(int peer, int tag, SendPieces pieces);
  Work irecv(int peer, int tag, ReceivePieces pieces, Receive mode = Receive::replace);
  void send(int peer, int tag, std::span<const std::byte> bytes);
  void recv(int peer, int tag, std::span<std::byte> bytes);

  // Collectives.
  void barrier();
  /// `bytes` of `root` to all.
  void broadcast(std::span<std::byte> bytes, int root);
  /// Everybody's `mine` to root's `parts` (by rank, sizes as sent; ignored on the others).
  void gather(std::span<const std::byte> mine, const ReceivePieces& parts, int root);
  /// Root's `parts[r]` to rank r's `mine`.
  void scatter(const SendPieces& parts, std::span<std::byte> mine, int root);
  /// Everybody's `mine` to everybody's `parts` (by rank; sizes may differ).
  void all_gather(std::span<const std::byte> mine, const ReceivePieces& parts);
  /// The same for bytes whose sizes only their owner knows.
  std::vector<std::string> all_gather(const std::string& mine) override;
  /// Every element becomes the reduction over all ranks.
  template <class T>  // float, double, std::int64_t
  void all_reduce(std::span<T> values, ReduceOp op = ReduceOp::sum);
  /// `values` is cut into size() parts by even_part (lanes/lane.hpp); part rank() becomes its sum
  /// over all ranks, the rest is left undefined.
  void reduce_scatter(std::span<float> values);

  // Asynchronous forms: they begin in the order of the calls, one after the other.
  Work ibarrier();
  Work ibroadcast(std::span<std::byte> bytes, int root);
  Work igather(std::span<const std::byte> mine, ReceivePieces parts, int root);
  Work iscatter(SendPieces parts, std::span<std::byte> mine, int root);
  Work iall_gather(std::span<const std::byte> mine, ReceivePieces parts);
  template <class T>
  Work iall_reduce(std::span<T> values, ReduceOp op = ReduceOp::sum);
  Work ireduce_scatter(std::span<float> values);

 private:
  class AsyncQueue;
  friend class Collectives;

  Work enqueue(std::function<void()> collective);
  void run(const std::function<void()>& collective);  // behind what was enqueued
  int next_tag();

  std::unique_ptr<Transport> transport_;
  int rank_;
  std::vector<int> hosts_;
  std::chrono::milliseconds timeout_;
  std::uint32_t collectives_ = 0;
  std::unique_ptr<AsyncQueue> queue_;
};

extern template void Communicator::all_reduce<float>(std::span<float>, ReduceOp);
extern template void Communicator::all_reduce<double>(std::span<double>, ReduceOp);
extern template void Communicator::all_reduce<std::int64_t>(std::span<std::int64_t>, ReduceOp);
extern template Work Communicator::iall_reduce<float>(std::span<float>, ReduceOp);
extern template Work Communicator::iall_reduce<double>(std::span<double>, ReduceOp);
extern template Work Communicator::iall_reduce<std::int64_t>(std::span<std::int64_t>, ReduceOp);

}  // namespace convoy

#pragma GCC visibility pop
