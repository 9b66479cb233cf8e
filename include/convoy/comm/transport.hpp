#pragma once
// What a transport is: messages between pairs of ranks. Everything else is built on it. Who writes
// one registers it (convoy/comm/transports.hpp).
#include <atomic>
#include <chrono>
#include <limits>
#include <memory>
#include <string_view>

#include "convoy/comm/communicator.hpp"
#include "convoy/core/error.hpp"

#pragma GCC visibility push(default)

namespace convoy {

using Deadline = std::chrono::steady_clock::time_point;

/// A message under way.
class Transfer {
 public:
  virtual ~Transfer() = default;
  /// Returns when the memory may be used again (a send) or holds the message (a receive). Throws
  /// TimeoutError or PeerError. Not called again after it has returned or thrown.
  virtual void wait(Deadline deadline) = 0;
};

/// Starts messages; never blocks for the peer. Thread-safe. Tags up to 31 bits. Zero-sized messages
/// are messages too. An implementation's destructor aborts what is still under way.
class Transport {
 public:
  virtual ~Transport() = default;
  virtual std::string_view name() const = 0;
  virtual std::shared_ptr<Transfer> send(int peer, int tag, SendPieces pieces) = 0;
  virtual std::shared_ptr<Transfer> receive(int peer, int tag, ReceivePieces pieces,
                                            Receive mode) = 0;
  /// Ends everything that is under way here, from any thread: waits throw PeerError, and no memory
  /// of a message is touched once the waits have returned. Nothing can be sent or received
  /// afterwards.
  virtual void abort() = 0;
  /// A longer vector is reduced slice by slice, so that a slice's sum is still in the cache when it
  /// is sent on. Infinite where that is not worth it.
  virtual std::size_t slice_bytes() const { return std::numeric_limits<std::size_t>::max(); }
  std::uint64_t bytes_sent() const { return bytes_sent_.load(std::memory_order_relaxed); }

 protected:
  void count_sent(std::size_t bytes) { bytes_sent_.fetch_add(bytes, std::memory_order_relaxed); }

 private:
  std::atomic<std::uint64_t> bytes_sent_{0};
};

/// What an operation of an aborted group throws.
[[noreturn]] inline void throw_aborted() {
  throw PeerError(-1, "the group of workers was aborted");
}

template <class Pieces>
std::size_t total_size(const Pieces& pieces) {
  std::size_t size = 0;
  for (const auto& piece : pieces) size += piece.size();
  return size;
}

}  // namespace convoy

#pragma GCC visibility pop
