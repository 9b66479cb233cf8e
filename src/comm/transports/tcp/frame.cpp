#include "comm/transports/tcp/frame.hpp"

#include <xxhash.h>
#if defined(__x86_64__) && __has_include(<xxh_x86dispatch.h>)
#include <xxh_x86dispatch.h>  // the widest vectors that the CPU has: 0.02 ns a byte instead of 0.05
#endif

#include <algorithm>
#include <cstring>

#include "compute/kernels.hpp"
#include "core/fault.hpp"

namespace convoy::tcp {
namespace {

constexpr std::uint32_t frame_mark = 0x54564e43;  // "CNVT"
constexpr std::uint32_t max_tag = 0x7fffffff;

template <class T>
void put(std::byte*& at, T value) {
  for (std::size_t i = 0; i < sizeof(T); ++i) *at++ = static_cast<std::byte>(value >> (8 * i));
}

template <class T>
T get(const std::byte*& at) {
  T value = 0;
  for (std::size_t i = 0; i < sizeof(T); ++i) value |= static_cast<T>(*at++) << (8 * i);
  return value;
}

std::uint32_t check_of(const std::byte* header) {
  return static_cast<std::uint32_t>(XXH3_64bits(header, header_size - sizeof(std::uint32_t)));
}

template <class Pieces>
std::uint64_t checksum(const Pieces& pieces) {
  if (pieces.size() == 1) return XXH3_64bits(pieces[0].data(), pieces[0].size());
  struct Free {
    void operator()(XXH3_state_t* state) const { XXH3_freeState(state); }
  };
  const std::unique_ptr<XXH3_state_t, Free> state(XXH3_createState());
  XXH3_64bits_reset(state.get());
  for (const auto& piece : pieces)
    if (!piece.empty()) XXH3_64bits_update(state.get(), piece.data(), piece.size());
  return XXH3_64bits_digest(state.get());
}

}  // namespace

HeaderBytes encode(const FrameHeader& header) {
  HeaderBytes bytes;
  std::byte* at = bytes.data();
  put(at, frame_mark);
  put(at, header.tag);
  put(at, header.length);
  put(at, header.message);
  put(at, header.size);
  put(at, header.offset);
  put(at, check_of(bytes.data()));
  return bytes;
}

FrameHeader decode(std::span<const std::byte, header_size> bytes) {
  const std::byte* at = bytes.data();
  const auto mark = get<std::uint32_t>(at);
  FrameHeader header;
  header.tag = get<std::uint32_t>(at);
  header.length = get<std::uint32_t>(at);
  header.message = get<std::uint64_t>(at);
  header.size = get<std::uint64_t>(at);
  header.offset = get<std::uint64_t>(at);
  const bool whole = get<std::uint32_t>(at) == check_of(bytes.data());
  const bool sensible = mark == frame_mark && header.tag <= max_tag && header.length <= max_frame &&
                        header.offset <= header.size &&
                        header.length <= header.size - header.offset &&
                        (header.length > 0 || header.size == 0);
  if (!whole || !sensible) throw DamagedFrame("the header of a message came damaged");
  return header;
}

// ---- writing ----

FrameWriter::FrameWriter(std::optional<RecordCipher> cipher) : cipher_(std::move(cipher)) {}

void FrameWriter::add(const std::byte* bytes, std::size_t size) {
  if (size > 0) parts_.push_back({const_cast<std::byte*>(bytes), size});
}

void FrameWriter::copy_payload(const ConstPieces& payload, std::size_t size) {
  if (!copy_) copy_.reset(new std::byte[max_frame]);
  if (cipher_) {
    if (size > 0) cipher_->seal(payload, copy_.get(), tail_.data());
    return;
  }
  std::byte* at = copy_.get();
  for (const auto& piece : payload) {
    copy_bytes(at, piece.data(), piece.size());
    at += piece.size();
  }
}

void FrameWriter::start(const FrameHeader& header, const ConstPieces& payload,
                        std::optional<std::uint64_t> flipped) {
  parts_.clear();
  next_ = 0;
  const HeaderBytes head = encode(header);
  std::size_t head_size = head.size();
  std::size_t tail_size = header.length > 0 ? RecordCipher::tag_size : 0;
  if (cipher_) {
    const std::span<const std::byte> plain = head;
    cipher_->seal({&plain, 1}, head_.data(), head_.data() + header_size);
    head_size += RecordCipher::tag_size;
  } else {
    std::memcpy(head_.data(), head.data(), head.size());
    std::byte* at = tail_.data();
    put(at, checksum(payload));
    tail_size = checksum_size;
  }
  add(head_.data(), head_size);
  if (cipher_ || flipped) {
    copy_payload(payload, header.length);
    if (flipped && *flipped < 8 * std::uint64_t{header.length})
      flip_bit({copy_.get(), header.length}, {.kind = Fault::Kind::flip, .at = flipped});
    else if (flipped)  // of a sealed message without payload: the header's tag
      flip_bit(tail_size > 0 ? std::span(tail_).first(tail_size) : std::span(head_),
               {.kind = Fault::Kind::flip, .at = *flipped - 8 * std::uint64_t{header.length}});
    add(copy_.get(), header.length);
  } else {
    for (const auto& piece : payload) add(piece.data(), piece.size());
  }
  add(tail_.data(), tail_size);
}

std::span<iovec> FrameWriter::parts(std::size_t most) {
  return std::span(parts_).subspan(next_, std::min(most, parts_.size() - next_));
}

void FrameWriter::sent(std::size_t bytes) {
  while (bytes > 0) {
    iovec& part = parts_[next_];
    const std::size_t count = std::min(bytes, part.iov_len);
    part.iov_base = static_cast<std::byte*>(part.iov_base) + count;
    part.iov_len -= count;
    bytes -= count;
    if (part.iov_len == 0) ++next_;
  }
}

// ---- reading ----

FrameReader::FrameReader(std::optional<RecordCipher> cipher)
    : cipher_(std::move(cipher)), buffer_(new std::byte[buffer_size]) {}

std::size_t FrameReader::tail_size() const {
  if (!cipher_) return checksum_size;
  return header_.length > 0 ? RecordCipher::tag_size : 0;
}

std::span<iovec> FrameReader::room(std::size_t most) {
  room_.clear();
  if (begin_ == end_) begin_ = end_ = 0;
  if (in_payload_) {
    for (std::size_t i = piece_; i < target_.size() && room_.size() + 1 < most; ++i) {
      const auto rest = target_[i].subspan(i == piece_ ? within_ : 0);
      if (!rest.empty()) room_.push_back({rest.data(), rest.size()});
    }
    std::size_t offered = 0;
    for (const iovec& part : room_) offered += part.iov_len;
    if (offered < left_) return room_;
  }
  if (begin_ > 0) {
    std::memmove(buffer_.get(), buffer_.get() + begin_, end_ - begin_);
    end_ -= begin_;
    begin_ = 0;
  }
  // Behind a long payload there may be another one, which should not come here.
  const std::size_t behind = tail_size() + head_size();
  const bool bounded = in_payload_ && header_.length >= long_payload;
  room_.push_back({buffer_.get() + end_, bounded ? behind : buffer_size - end_});
  return room_;
}

void FrameReader::took(std::size_t bytes) {
  if (in_payload_ && left_ > 0) {
    std::size_t count = std::min(bytes, left_);
    bytes -= count;
    left_ -= count;
    while (count > 0) {
      const std::size_t part = std::min(count, target_[piece_].size() - within_);
      within_ += part;
      count -= part;
      if (within_ == target_[piece_].size()) ++piece_, within_ = 0;
    }
  }
  end_ += bytes;
  advance();
}

void FrameReader::advance() {
  if (state_ != State::bytes) return;
  if (in_payload_) {
    fill_payload();
    if (left_ == 0 && end_ - begin_ >= tail_size()) finish_payload();
    return;
  }
  if (end_ - begin_ < head_size()) return;
  std::byte* at = buffer_.get() + begin_;
  if (cipher_) {
    const std::span<std::byte> record(at, header_size);
    if (!cipher_->open({&record, 1}, at + header_size))
      throw DamagedFrame("the header of a message came damaged");
  }
  header_ = decode(std::span<const std::byte, header_size>(at, header_size));
  begin_ += head_size();
  state_ = State::header;
}

// Out of the buffer, what is there already.
void FrameReader::fill_payload() {
  while (left_ > 0 && begin_ < end_) {
    const auto piece = target_[piece_].subspan(within_);
    const std::size_t count = std::min(piece.size(), end_ - begin_);
    if (count > 0) std::memcpy(piece.data(), buffer_.get() + begin_, count);
    begin_ += count;
    left_ -= count;
    within_ += count;
    if (within_ == target_[piece_].size()) ++piece_, within_ = 0;
  }
}

void FrameReader::finish_payload() {
  const std::byte* tail = buffer_.get() + begin_;
  bool good = true;
  if (!cipher_) {
    good = get<std::uint64_t>(tail) == checksum(target_);
  } else if (header_.length > 0) {
    good = cipher_->open(target_, tail);
  }
  if (!good) throw DamagedFrame("a message came damaged");
  begin_ += tail_size();
  in_payload_ = false;
  state_ = State::frame;
}

void FrameReader::place(const MutablePieces& pieces) {
  target_.assign(pieces.begin(), pieces.end());
  piece_ = within_ = 0;
  left_ = header_.length;
  in_payload_ = true;
  state_ = State::bytes;
  advance();
}

void FrameReader::place_here() {
  if (!here_) here_.reset(new std::byte[max_frame]);
  const std::span<std::byte> memory(here_.get(), header_.length);
  place({memory});
}

void FrameReader::next() {
  state_ = State::bytes;
  advance();
}

}  // namespace convoy::tcp
