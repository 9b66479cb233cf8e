#pragma once
// How messages look on a connection: frames, one after the other. Bytes in, bytes out: no sockets.
//
//   clear:   header (40 bytes), payload, XXH3 of the payload (8 bytes)
//   sealed:  header, tag (16 bytes), encrypted payload, tag; no payload, no second tag
//
// Integers are little-endian. A message is cut into frames of at most `max_frame` bytes, so that
// each is hashed, encrypted or added while it is in the cache, and so that several connections can
// carry one message. The header has a checksum of its own: it says how much memory the message
// needs, which must not come from a flipped bit. TCP's own 16 bits let one through now and then.
#include <sys/uio.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "comm/transports/tcp/record_cipher.hpp"
#include "convoy/core/error.hpp"

namespace convoy::tcp {

/// What came is not what the peer sent: a checksum or a tag is wrong.
class DamagedFrame : public Error {
 public:
  using Error::Error;
};

struct FrameHeader {
  std::uint32_t tag = 0;
  std::uint32_t length = 0;   ///< bytes of the message in this frame
  std::uint64_t message = 0;  ///< its number among those from this sender
  std::uint64_t size = 0;     ///< of the whole message
  std::uint64_t offset = 0;   ///< of this frame in it
};

constexpr std::size_t max_frame = 256 << 10;
constexpr std::size_t sealed_frame = 64
                                     << 10;  // a sealed one is copied, which must stay in L1 and L2
constexpr std::size_t header_size = 40;
constexpr std::size_t checksum_size = sizeof(std::uint64_t);

using HeaderBytes = std::array<std::byte, header_size>;
HeaderBytes encode(const FrameHeader& header);
/// Throws DamagedFrame when these are not the bytes of a header that makes sense.
FrameHeader decode(std::span<const std::byte, header_size> bytes);

using ConstPieces = std::vector<std::span<const std::byte>>;
using MutablePieces = std::vector<std::span<std::byte>>;

/// Makes the bytes of one frame after the other.
class FrameWriter {
 public:
  explicit FrameWriter(std::optional<RecordCipher> cipher = {});
  std::size_t frame_size() const { return cipher_ ? sealed_frame : max_frame; }

  /// After done(). `payload` has header.length bytes, which must stay as they are until done();
  /// `flipped` is a bit of payload and checksum to be damaged on its way (core/fault.hpp).
  void start(const FrameHeader& header, const ConstPieces& payload,
             std::optional<std::uint64_t> flipped = {});
  bool done() const { return next_ == parts_.size(); }
  /// What is to be sent next, at most `most` parts of it.
  std::span<iovec> parts(std::size_t most);
  void sent(std::size_t bytes);

 private:
  void add(const std::byte* bytes, std::size_t size);
  void copy_payload(const ConstPieces& payload, std::size_t size);

  std::optional<RecordCipher> cipher_;
  std::array<std::byte, header_size + RecordCipher::tag_size> head_;
  std::array<std::byte, RecordCipher::tag_size> tail_;
  std::unique_ptr<std::byte[]> copy_;  // of a payload that is sealed or damaged
  std::vector<iovec> parts_;
  std::size_t next_ = 0;
};

/// Takes what arrives and gives back the frames, whose payload goes straight to where it belongs.
///
///   need()     the next bytes go into room(); then took()
///   header()   somebody says where the payload goes: place() or place_here()
///   frame()    it is there and undamaged; next() goes on
class FrameReader {
 public:
  enum class State { bytes, header, frame };

  explicit FrameReader(std::optional<RecordCipher> cipher = {});
  FrameReader(FrameReader&&) = default;

  State state() const { return state_; }
  /// Memory for what arrives, in order; never empty in State::bytes.
  std::span<iovec> room(std::size_t most);
  /// So many bytes of it were filled. Throws DamagedFrame.
  void took(std::size_t bytes);
  /// Of the frame that begins or is here.
  const FrameHeader& header() const { return header_; }
  /// The payload's memory, header().length bytes. Throws DamagedFrame.
  void place(const MutablePieces& pieces);
  /// The payload stays here, for payload().
  void place_here();
  std::span<const std::byte> payload() const { return {here_.get(), header_.length}; }
  /// The frame was used. Throws DamagedFrame.
  void next();
  /// Whether a frame has begun and is not whole.
  bool amid() const { return state_ != State::bytes || in_payload_ || begin_ != end_; }

 private:
  static constexpr std::size_t buffer_size = 16 << 10;
  static constexpr std::size_t long_payload = 32 << 10;

  std::size_t head_size() const { return header_size + (cipher_ ? RecordCipher::tag_size : 0); }
  std::size_t tail_size() const;
  void advance();
  void fill_payload();
  void finish_payload();

  std::optional<RecordCipher> cipher_;
  State state_ = State::bytes;
  FrameHeader header_;
  bool in_payload_ = false;
  std::unique_ptr<std::byte[]> buffer_;  // what came beyond the payload
  std::size_t begin_ = 0;
  std::size_t end_ = 0;
  MutablePieces target_;
  std::size_t piece_ = 0;   // of target_, where the payload goes on
  std::size_t within_ = 0;  // that piece
  std::size_t left_ = 0;    // of the payload
  std::unique_ptr<std::byte[]> here_;
  std::vector<iovec> room_;
};

}  // namespace convoy::tcp
