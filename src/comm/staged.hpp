#pragma once
// Messages of transports that move one contiguous piece of memory at a time.
#include <vector>

#include "comm/copy.hpp"
#include "comm/transport.hpp"

namespace convoy {

/// The pieces as one: the piece itself if there is just one, else a copy.
class StagedSend {
 public:
  explicit StagedSend(const SendPieces& pieces) {
    if (pieces.size() == 1) {
      bytes_ = pieces[0];
      return;
    }
    copy_.reserve(total_size(pieces));
    for (const auto& piece : pieces) copy_.insert(copy_.end(), piece.begin(), piece.end());
    bytes_ = copy_;
  }
  std::span<const std::byte> bytes() const { return bytes_; }

 private:
  std::vector<std::byte> copy_;
  std::span<const std::byte> bytes_;
};

/// Where to receive, and the way from there into the pieces.
class StagedReceive {
 public:
  StagedReceive(ReceivePieces pieces, Receive mode) : pieces_(std::move(pieces)), mode_(mode) {
    if (pieces_.size() == 1 && mode_ == Receive::replace) {
      bytes_ = pieces_[0];
      return;
    }
    copy_.resize(total_size(pieces_));
    bytes_ = copy_;
  }
  std::span<std::byte> bytes() const { return bytes_; }
  /// After the message has come.
  void finish() const {
    if (copy_.empty()) return;
    const std::byte* from = copy_.data();
    for (const auto& piece : pieces_) {
      if (mode_ == Receive::add) {
        add_floats(piece.data(), from, piece.size());
      } else {
        copy_bytes(piece.data(), from, piece.size());
      }
      from += piece.size();
    }
  }

 private:
  ReceivePieces pieces_;
  Receive mode_;
  std::vector<std::byte> copy_;
  std::span<std::byte> bytes_;
};

}  // namespace convoy
