#pragma once
// Messages of transports that move one contiguous piece of memory at a time, over a network: each
// ends with a checksum, because TCP's own 16 bits let a flipped bit through now and then.
#include <cstring>
#include <vector>

#include "compute/kernels.hpp"
#include "convoy/comm/transport.hpp"
#include "convoy/core/checksum.hpp"
#include "core/fault.hpp"

namespace convoy {

constexpr std::size_t trailer_size = sizeof(std::uint64_t);

/// The pieces as one, and their checksum (XXH3).
class StagedSend {
 public:
  explicit StagedSend(const SendPieces& pieces) : bytes_(total_size(pieces) + trailer_size) {
    std::byte* at = bytes_.data();
    for (const auto& piece : pieces) {
      if (!piece.empty()) copy_bytes(at, piece.data(), piece.size());
      at += piece.size();
    }
    const std::uint64_t sum = xxh3(std::span(bytes_).first(payload()));
    std::memcpy(at, &sum, trailer_size);
    if (const auto fault = fault_at(FaultPoint::message)) flip_bit(bytes_, *fault);
  }
  std::span<std::byte> bytes() { return bytes_; }
  std::size_t payload() const { return bytes_.size() - trailer_size; }

 private:
  std::vector<std::byte> bytes_;
};

/// Where to receive, and the way from there into the pieces.
class StagedReceive {
 public:
  StagedReceive(ReceivePieces pieces, Receive mode)
      : pieces_(std::move(pieces)), mode_(mode), bytes_(total_size(pieces_) + trailer_size) {}
  std::span<std::byte> bytes() { return bytes_; }
  /// After the message of `peer` has come. Throws DamagedMessageError.
  void finish(int peer) const {
    const auto payload = std::span(bytes_).first(bytes_.size() - trailer_size);
    std::uint64_t sum = 0;
    std::memcpy(&sum, payload.data() + payload.size(), trailer_size);
    if (xxh3(payload) != sum) throw DamagedMessageError(peer, payload.size());
    const std::byte* from = payload.data();
    for (const auto& piece : pieces_) {
      if (piece.empty()) continue;
      if (mode_ == Receive::add) {
        add_bytes(piece.data(), from, piece.size());
      } else {
        copy_bytes(piece.data(), from, piece.size());
      }
      from += piece.size();
    }
  }

 private:
  ReceivePieces pieces_;
  Receive mode_;
  std::vector<std::byte> bytes_;
};

}  // namespace convoy
