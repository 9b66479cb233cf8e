#pragma once
// One message under way, as the transport `tcp` keeps it.
#include <algorithm>
#include <atomic>
#include <exception>
#include <functional>
#include <utility>

#include "comm/transports/tcp/frame.hpp"
#include "compute/kernels.hpp"
#include "convoy/comm/transport.hpp"

namespace convoy::tcp {

/// Memory in pieces, of which any part can be taken.
template <class Span>
class Memory {
 public:
  explicit Memory(std::vector<Span> pieces) : pieces_(std::move(pieces)) {
    ends_.reserve(pieces_.size());
    for (const Span& piece : pieces_) ends_.push_back(size() + piece.size());
  }
  std::size_t size() const { return ends_.empty() ? 0 : ends_.back(); }

  /// The pieces of [offset, offset + length).
  void cut(std::size_t offset, std::size_t length, std::vector<Span>& into) const {
    into.clear();
    std::size_t at = std::upper_bound(ends_.begin(), ends_.end(), offset) - ends_.begin();
    for (; length > 0; ++at) {
      const std::size_t begin = offset - (ends_[at] - pieces_[at].size());
      const std::size_t count = std::min(length, pieces_[at].size() - begin);
      if (count > 0) into.push_back(pieces_[at].subspan(begin, count));
      offset += count;
      length -= count;
    }
  }

 private:
  std::vector<Span> pieces_;
  std::vector<std::size_t> ends_;
};

class Message final : public Transfer {
 public:
  using Wait = std::function<void(Message&, Deadline)>;

  Message(const Wait& wait, int with, int its_tag, SendPieces pieces)
      : peer(with), tag(its_tag), out(std::move(pieces)), in({}), size(out.size()), wait_(wait) {}
  Message(const Wait& wait, int with, int its_tag, ReceivePieces pieces, Receive how)
      : peer(with),
        tag(its_tag),
        out({}),
        in(std::move(pieces)),
        size(in.size()),
        mode(how),
        wait_(wait) {}
  void wait(Deadline deadline) override { wait_(*this, deadline); }

  /// Puts what came of a receive from `offset` on in its place.
  void deliver(std::size_t offset, std::span<const std::byte> bytes, MutablePieces& scratch) const {
    in.cut(offset, bytes.size(), scratch);
    const std::byte* from = bytes.data();
    for (const auto& piece : scratch) {
      if (mode == Receive::add)
        add_bytes(piece.data(), from, piece.size());
      else
        copy_bytes(piece.data(), from, piece.size());
      from += piece.size();
    }
  }

  const int peer;
  const int tag;
  const Memory<std::span<const std::byte>> out;
  const Memory<std::span<std::byte>> in;
  const std::size_t size;
  const Receive mode = Receive::replace;

  // Guarded by the link's mutex.
  std::uint64_t number = 0;                // of a send, once it has begun
  std::size_t begun = 0;                   // bytes of a send that frames were made of
  std::size_t sent = 0;                    // bytes that the system has
  std::optional<std::uint64_t> flip = {};  // the bit that shall be damaged

  std::exception_ptr error;  // before `done`
  std::atomic<bool> done{false};

 private:
  const Wait& wait_;  // the transport's
};

using MessagePointer = std::shared_ptr<Message>;

}  // namespace convoy::tcp
