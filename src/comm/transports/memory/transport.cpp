#include "comm/transports/memory/transport.hpp"

#include <fmt/format.h>
#include <linux/futex.h>
#include <poll.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <bit>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <utility>

#include "compute/kernels.hpp"
#include "convoy/core/error.hpp"
#include "core/relax.hpp"

namespace convoy {
namespace {

constexpr std::uint32_t message_mark = 0x59564e43;  // "CNVY"
// How much is copied before the other side is told: small enough to overlap the two sides' copies,
// and to stay in a core's own cache on the way.
constexpr std::size_t portion = 64 << 10;
constexpr int spins = 1500;                                    // about 0.1 ms
constexpr auto longest_sleep = std::chrono::milliseconds(20);  // then look whether the peer lives

std::size_t padded(std::size_t bytes) {
  return (bytes + Ring::unit - 1) / Ring::unit * Ring::unit;
}

std::uint32_t* word_of(std::atomic<std::uint32_t>& value) {
  static_assert(sizeof(value) == sizeof(std::uint32_t));
  return reinterpret_cast<std::uint32_t*>(&value);
}

}  // namespace

// ---- shared memory ----

std::size_t Inbox::ring_capacity(int ranks) {
  constexpr std::size_t largest = 1 << 20;
  constexpr std::size_t least = 64 << 10;
  const std::size_t share = (16 << 20) / static_cast<std::size_t>(std::max(1, ranks));
  return std::clamp(std::bit_floor(share), least, largest);
}

std::size_t Inbox::bytes(int ranks) {
  return sizeof(Doorbell) +
         static_cast<std::size_t>(ranks) * (sizeof(RingCounters) + ring_capacity(ranks));
}

Doorbell& Inbox::doorbell() const {
  return *reinterpret_cast<Doorbell*>(memory_);
}

Ring Inbox::ring_from(int rank) const {
  std::byte* counters = memory_ + sizeof(Doorbell) + rank * sizeof(RingCounters);
  const std::size_t capacity = ring_capacity(ranks_);
  std::byte* data = memory_ + sizeof(Doorbell) + ranks_ * sizeof(RingCounters) + rank * capacity;
  return {*reinterpret_cast<RingCounters*>(counters), data, capacity};
}

ProcessWatch::ProcessWatch(pid_t pid)
    : pid_(pid), fd_(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0))) {}
ProcessWatch::~ProcessWatch() {
  if (fd_ >= 0) ::close(fd_);
}
ProcessWatch::ProcessWatch(ProcessWatch&& other) noexcept
    : pid_(std::exchange(other.pid_, 0)), fd_(std::exchange(other.fd_, -1)) {}
ProcessWatch& ProcessWatch::operator=(ProcessWatch&& other) noexcept {
  std::swap(pid_, other.pid_);
  std::swap(fd_, other.fd_);
  return *this;
}

bool ProcessWatch::ended() const {
  if (pid_ == 0) return false;
  if (fd_ < 0) return ::kill(pid_, 0) != 0 && errno == ESRCH;
  pollfd poll_fd{fd_, POLLIN, 0};
  return ::poll(&poll_fd, 1, 0) > 0;
}

// ---- one message ----

class MemoryTransport::Operation final : public Transfer {
 public:
  Operation(MemoryTransport& transport, int with, int its_tag, SendPieces pieces)
      : peer(with),
        tag(its_tag),
        size(total_size(pieces)),
        sends(std::move(pieces)),
        transport_(transport) {}
  Operation(MemoryTransport& transport, int with, int its_tag, ReceivePieces pieces, Receive how)
      : peer(with),
        tag(its_tag),
        size(total_size(pieces)),
        receives(std::move(pieces)),
        mode(how),
        transport_(transport) {}
  void wait(Deadline deadline) override { transport_.wait(*this, deadline); }

  // Copies up to `bytes` of the message out of the pieces, or into them.
  void copy_out(std::byte* to, std::size_t bytes) {
    step(sends, bytes, [&](const std::byte* piece, std::size_t count) {
      copy_bytes(to, piece, count);
      to += count;
    });
  }
  void copy_in(const std::byte* from, std::size_t bytes) {
    step(receives, bytes, [&](std::byte* piece, std::size_t count) {
      if (mode == Receive::add) {
        add_bytes(piece, from, count);
      } else {
        copy_bytes(piece, from, count);
      }
      from += count;
    });
  }
  std::size_t left() const { return size - moved_; }
  bool is_send() const { return !sends.empty(); }

  const int peer;
  const int tag;
  const std::size_t size;
  const SendPieces sends;
  const ReceivePieces receives;
  const Receive mode = Receive::replace;
  std::atomic<bool> done{false};

 private:
  template <class Pieces, class Copy>
  void step(const Pieces& pieces, std::size_t bytes, const Copy& copy) {
    moved_ += bytes;
    while (bytes > 0) {
      const auto piece = pieces[index_].subspan(within_);
      const std::size_t count = std::min(bytes, piece.size());
      if (count > 0) copy(piece.data(), count);
      bytes -= count;
      within_ += count;
      if (within_ == pieces[index_].size()) ++index_, within_ = 0;
    }
  }

  MemoryTransport& transport_;
  std::size_t index_ = 0;
  std::size_t within_ = 0;
  std::size_t moved_ = 0;
};

// ---- the transport ----

MemoryTransport::MemoryTransport(MemoryTransportOptions options)
    : options_(std::move(options)),
      ranks_(static_cast<int>(options_.inboxes.size())),
      outgoing_(ranks_),
      incoming_(ranks_) {
  for (int peer = 0; peer < ranks_; ++peer) {
    out_rings_.push_back(options_.inboxes[peer].ring_from(options_.rank));
    in_rings_.push_back(options_.inboxes[options_.rank].ring_from(peer));
  }
  if (options_.progress_thread) thread_ = std::thread([this] { serve(); });
}

MemoryTransport::~MemoryTransport() {
  stopping_ = true;
  if (!thread_.joinable()) return;
  ring(options_.rank);
  thread_.join();
}

void MemoryTransport::abort() {
  {
    const std::lock_guard lock(mutex_);  // whoever copies now has ended then
    aborted_ = true;
  }
  ring(options_.rank);
}

std::shared_ptr<Transfer> MemoryTransport::send(int peer, int tag, SendPieces pieces) {
  auto operation = std::make_shared<Operation>(*this, peer, tag, std::move(pieces));
  count_sent(operation->size);
  const std::lock_guard lock(mutex_);
  if (aborted_) throw_aborted();
  outgoing_[peer].push_back({operation});
  progress_send(peer);
  if (options_.progress_thread && !outgoing_[peer].empty()) ring(options_.rank);
  return operation;
}

std::shared_ptr<Transfer> MemoryTransport::receive(int peer, int tag, ReceivePieces pieces,
                                                   Receive mode) {
  auto operation = std::make_shared<Operation>(*this, peer, tag, std::move(pieces), mode);
  const std::lock_guard lock(mutex_);
  if (aborted_) throw_aborted();
  Incoming& in = incoming_[peer];
  const auto kept = std::find_if(in.kept.begin(), in.kept.end(),
                                 [tag](const Unexpected& u) { return u.tag == tag; });
  if (kept != in.kept.end()) {
    if (kept->bytes.size() != operation->size) fail(peer, "sent a message of an unexpected size");
    operation->copy_in(kept->bytes.data(), kept->bytes.size());
    operation->done = true;
    in.kept.erase(kept);
  } else {
    in.posted.push_back(operation);
  }
  return operation;
}

void MemoryTransport::wait(Operation& operation, Deadline deadline) {
  const int looks = options_.spin ? spins : 8;
  int idle = 0;
  while (!operation.done) {
    if (locked_progress()) {
      idle = 0;
    } else if (++idle < looks) {
      relax();
    } else if (!operation.done) {
      if (aborted_) throw_aborted();
      idle = 0;
      require_alive(operation);
      if (std::chrono::steady_clock::now() >= deadline) throw_timeout(operation);
      sleep(deadline, operation.done);
    }
  }
}

void MemoryTransport::serve() {
  while (!stopping_) {
    if (!locked_progress())
      sleep(std::chrono::steady_clock::now() + std::chrono::seconds(1), stopping_);
  }
}

bool MemoryTransport::locked_progress() {
  const std::lock_guard lock(mutex_);
  return progress();
}

bool MemoryTransport::progress() {
  if (aborted_) return false;
  bool moved = false;
  for (int peer = 0; peer < ranks_; ++peer) {
    if (peer == options_.rank) continue;
    moved |= progress_send(peer);
    moved |= progress_receive(peer);
  }
  return moved;
}

bool MemoryTransport::progress_send(int peer) {
  bool moved = false;
  while (!outgoing_[peer].empty()) {
    Outgoing& out = outgoing_[peer].front();
    Operation& operation = *out.operation;
    Ring& to = out_rings_[peer];
    std::size_t room = to.free_bytes();
    std::size_t filled = 0;
    std::size_t contiguous = 0;
    if (!out.header_written) {
      if (room < sizeof(Header)) break;
      const Header header{static_cast<std::uint32_t>(operation.tag), message_mark, operation.size};
      std::memcpy(to.write_place(0, contiguous), &header, sizeof(header));
      out.header_written = true;
      room -= sizeof(Header);
      filled = sizeof(Header);
    }
    const std::size_t count = std::min({operation.left(), room, portion});
    for (std::size_t done = 0; done < count;) {
      std::byte* place = to.write_place(filled + done, contiguous);
      const std::size_t part = std::min(contiguous, count - done);
      operation.copy_out(place, part);
      done += part;
    }
    filled += padded(count);
    if (filled > 0) {
      to.publish(filled);
      ring(peer);
      moved = true;
    }
    if (operation.left() > 0) break;  // let this rank receive in between
    complete(operation);
    outgoing_[peer].pop_front();
  }
  return moved;
}

bool MemoryTransport::progress_receive(int peer) {
  Incoming& in = incoming_[peer];
  bool moved = false;
  while (true) {
    if (!in.header && !take_header(peer)) return moved;
    if (!in.target && !in.keeps && !match(peer)) return moved;
    if (in.left > 0) {
      const std::size_t available = in_rings_[peer].used_bytes();
      if (available == 0) return moved;
      take_bytes(peer, available);
      moved = true;
      if (in.left > 0) return moved;
    }
    finish_message(peer);
    moved = true;
  }
}

bool MemoryTransport::take_header(int peer) {
  if (in_rings_[peer].used_bytes() < sizeof(Header)) return false;
  std::size_t contiguous = 0;
  Header header;
  std::memcpy(&header, in_rings_[peer].read_place(0, contiguous), sizeof(header));
  if (header.mark != message_mark) fail(peer, "wrote something that is not a message");
  in_rings_[peer].release(sizeof(Header));
  ring(peer);
  incoming_[peer].header = header;
  incoming_[peer].left = header.size;
  return true;
}

// Finds out who gets the message at the head of the ring. Nobody yet: it stays there, unless
// somebody waits for a message behind it.
bool MemoryTransport::match(int peer) {
  Incoming& in = incoming_[peer];
  const auto tag = static_cast<int>(in.header->tag);
  const auto found = std::find_if(in.posted.begin(), in.posted.end(),
                                  [tag](const auto& operation) { return operation->tag == tag; });
  if (found != in.posted.end()) {
    if ((*found)->size != in.header->size) {
      fail(peer,
           fmt::format("sent {} bytes where {} were expected", in.header->size, (*found)->size));
    }
    in.target = *found;
    in.posted.erase(found);
    return true;
  }
  if (in.posted.empty()) return false;
  in.keeps = true;
  in.unexpected.clear();
  in.unexpected.reserve(std::min<std::size_t>(in.header->size, Inbox::ring_capacity(ranks_)));
  return true;
}

std::size_t MemoryTransport::take_bytes(int peer, std::size_t available) {
  Incoming& in = incoming_[peer];
  const std::size_t count = std::min<std::size_t>({in.left, available, portion});
  for (std::size_t done = 0; done < count;) {
    std::size_t contiguous = 0;
    const std::byte* place = in_rings_[peer].read_place(done, contiguous);
    const std::size_t part = std::min(contiguous, count - done);
    if (in.keeps) {
      in.unexpected.insert(in.unexpected.end(), place, place + part);
    } else {
      in.target->copy_in(place, part);
    }
    done += part;
  }
  in.left -= count;
  in_rings_[peer].release(padded(count));
  ring(peer);
  return count;
}

void MemoryTransport::finish_message(int peer) {
  Incoming& in = incoming_[peer];
  if (in.keeps) {
    in.kept.push_back({static_cast<int>(in.header->tag), std::move(in.unexpected)});
  } else {
    complete(*in.target);
  }
  in.header.reset();
  in.target.reset();
  in.keeps = false;
}

// Another thread of this rank may sleep for want of it.
void MemoryTransport::complete(Operation& operation) {
  operation.done = true;
  ring(options_.rank);
}

// A rank that has not said it sleeps will look again by itself.
void MemoryTransport::ring(int peer) {
  Doorbell& bell = options_.inboxes[peer].doorbell();
  std::atomic_thread_fence(std::memory_order_seq_cst);
  if (bell.sleepers.load(std::memory_order_relaxed) == 0) return;
  bell.rings.fetch_add(1, std::memory_order_seq_cst);
  ::syscall(SYS_futex, word_of(bell.rings), FUTEX_WAKE, INT32_MAX, nullptr, nullptr, 0);
}

void MemoryTransport::sleep(Deadline until, const std::atomic<bool>& enough) {
  Doorbell& bell = options_.inboxes[options_.rank].doorbell();
  const std::uint32_t seen = bell.rings.load(std::memory_order_seq_cst);
  bell.sleepers.fetch_add(1, std::memory_order_seq_cst);
  if (!locked_progress()) {  // what came before this rank said that it sleeps rang no bell
    const auto left = std::chrono::duration_cast<std::chrono::nanoseconds>(
        until - std::chrono::steady_clock::now());
    const auto nap =
        std::clamp<std::chrono::nanoseconds>(left, std::chrono::nanoseconds(0), longest_sleep);
    const timespec limit{0, static_cast<long>(nap.count())};
    if (!enough && !aborted_)
      ::syscall(SYS_futex, word_of(bell.rings), FUTEX_WAIT, seen, &limit, nullptr, 0);
  }
  bell.sleepers.fetch_sub(1, std::memory_order_seq_cst);
}

void MemoryTransport::throw_timeout(const Operation& operation) const {
  const int name = options_.names[operation.peer];
  throw TimeoutError(name, fmt::format("worker {} did not {} in time", name,
                                       operation.is_send() ? "take a message" : "answer"));
}

void MemoryTransport::require_alive(const Operation& operation) const {
  const int peer = operation.peer;
  if (options_.watches.empty() || !options_.watches[peer].ended()) return;
  // What it wrote before it ended still counts.
  if (!operation.is_send() && in_rings_[peer].used_bytes() > 0) return;
  fail(peer, "ended");
}

void MemoryTransport::fail(int peer, const std::string& what) const {
  throw PeerError(options_.names[peer], fmt::format("worker {} {}", options_.names[peer], what));
}

}  // namespace convoy
