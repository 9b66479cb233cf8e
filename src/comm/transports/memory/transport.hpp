#pragma once
// Messages through memory that the ranks share: threads of a process, or workers of a host.
#include <sys/types.h>

#include <condition_variable>
#include <deque>
#include <list>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

#include "comm/transports/memory/ring.hpp"
#include "convoy/comm/transport.hpp"

namespace convoy {

/// Wakes a rank that sleeps for want of messages or of room.
struct Doorbell {
  alignas(128) std::atomic<std::uint32_t> rings;
  std::atomic<std::uint32_t> sleepers;
};

/// One rank's part of the shared memory: its doorbell and a ring from each other rank into it.
/// Fresh memory of the system (zeros) is a valid, empty inbox.
class Inbox {
 public:
  /// Bytes of each ring: less where there are very many, so that together they stay below 1 GiB
  /// for 64 ranks.
  static std::size_t ring_capacity(int ranks);
  static std::size_t bytes(int ranks);

  Inbox() = default;
  /// `memory` has bytes(ranks) bytes, aligned to a page.
  Inbox(std::byte* memory, int ranks) : memory_(memory), ranks_(ranks) {}
  Doorbell& doorbell() const;
  Ring ring_from(int rank) const;

 private:
  std::byte* memory_ = nullptr;
  int ranks_ = 0;
};

/// How a rank finds out that another one's process has ended.
class ProcessWatch {
 public:
  ProcessWatch() = default;
  explicit ProcessWatch(pid_t pid);
  ~ProcessWatch();
  ProcessWatch(ProcessWatch&& other) noexcept;
  ProcessWatch& operator=(ProcessWatch&& other) noexcept;
  bool ended() const;

 private:
  pid_t pid_ = 0;  // 0: a thread of this process
  int fd_ = -1;    // a pidfd, where the system has them
};

struct MemoryTransportOptions {
  int rank = 0;                       ///< among the ranks that share the memory
  std::vector<Inbox> inboxes;         ///< by rank
  std::shared_ptr<void> memory;       ///< keeps the inboxes mapped
  std::vector<ProcessWatch> watches;  ///< by rank; empty: threads
  std::vector<int> names;             ///< by rank: its number in the group, for messages
  bool progress_thread = false;       ///< sends go on while nobody waits here
  bool spin = true;                   ///< look for a while before sleeping: a core for each rank
  std::string_view name = "thread";
};

/// A message is a header and its bytes in the ring of its pair of ranks; longer messages than the
/// ring flow through it. Sends that find no room go on whenever this rank waits for anything.
class MemoryTransport final : public Transport {
 public:
  explicit MemoryTransport(MemoryTransportOptions options);
  ~MemoryTransport() override;
  std::string_view name() const override { return options_.name; }
  std::size_t slice_bytes() const override { return 4 << 20; }
  std::shared_ptr<Transfer> send(int peer, int tag, SendPieces pieces) override;
  std::shared_ptr<Transfer> receive(int peer, int tag, ReceivePieces pieces, Receive mode) override;
  void abort() override;

 private:
  struct Header {
    std::uint32_t tag;
    std::uint32_t mark;  // a constant: something else is not a message
    std::uint64_t size;
  };
  static_assert(sizeof(Header) == Ring::unit);
  class Operation;
  struct Outgoing {
    std::shared_ptr<Operation> operation;
    bool header_written = false;
  };
  struct Unexpected {
    int tag;
    std::vector<std::byte> bytes;
  };
  struct Incoming {
    std::optional<Header> header;       // of the message at the head of the ring
    std::shared_ptr<Operation> target;  // who gets it
    std::vector<std::byte> unexpected;  // or: kept until somebody asks
    bool keeps = false;
    std::uint64_t left = 0;
    std::list<std::shared_ptr<Operation>> posted;
    std::list<Unexpected> kept;
  };

  void wait(Operation& operation, Deadline deadline);
  bool locked_progress();
  bool progress();
  bool progress_send(int peer);
  bool progress_receive(int peer);
  bool take_header(int peer);
  bool match(int peer);
  std::size_t take_bytes(int peer, std::size_t available);
  void finish_message(int peer);
  void ring(int peer);
  void sleep(Deadline until, const std::atomic<bool>& enough);
  void complete(Operation& operation);
  [[noreturn]] void throw_timeout(const Operation& operation) const;
  void require_alive(const Operation& operation) const;
  void serve();
  [[noreturn]] void fail(int peer, const std::string& what) const;

  MemoryTransportOptions options_;
  int ranks_;
  std::mutex mutex_;  // guards what follows
  std::vector<std::deque<Outgoing>> outgoing_;
  std::vector<Incoming> incoming_;
  std::vector<Ring> out_rings_;
  std::vector<Ring> in_rings_;
  std::atomic<bool> stopping_{false};
  std::atomic<bool> aborted_{false};
  std::thread thread_;
};

/// Of `size` threads of this process, by rank.
std::vector<std::unique_ptr<Transport>> make_thread_transports(int size);

}  // namespace convoy
