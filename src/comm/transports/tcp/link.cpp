#include "comm/transports/tcp/link.hpp"

#include <fmt/format.h>
#include <linux/sockios.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstring>

#include "core/fault.hpp"

namespace convoy::tcp {
namespace {

constexpr int frames_of_a_send = 4;  // that the sender's own thread writes at most
constexpr int frames_at_a_time = 4;

bool is_nothing_now(int code) {
  return code == EAGAIN || code == EWOULDBLOCK || code == EINTR || code == ENOBUFS;
}

}  // namespace

Link::Link(int peer, std::vector<Established> connections) : peer_(peer) {
  for (Established& connection : connections) channels_.emplace_back(std::move(connection));
}

Link::~Link() {
  fail(std::make_exception_ptr(PeerError(-1, "the group of workers was aborted")));
}

void Link::lose(const std::string& why) const {
  throw PeerError(peer_, fmt::format("worker {} is lost: {}", peer_, why));
}

void Link::refuse_size() const {
  throw PeerError(peer_, fmt::format("worker {} sent a message of an unexpected size", peer_));
}

void Link::send(const MessagePointer& message) {
  if (const auto fault = fault_at(FaultPoint::message)) {
    const std::uint64_t bits = 8 * (std::uint64_t{message->size} + checksum_size);
    message->flip = fault->at.value_or(bits / 2) % bits;
  }
  const std::lock_guard lock(mutex_);
  if (failure_) std::rethrow_exception(failure_);
  ++unfinished_;
  outgoing_.push_back(message);
  try {
    Moved moved;
    for (int frames = 0; frames < frames_of_a_send && write(0, moved); ++frames) continue;
  } catch (...) {
    fail_locked(std::current_exception());
  }
}

void Link::receive(const MessagePointer& message) {
  const std::lock_guard lock(mutex_);
  if (failure_) std::rethrow_exception(failure_);
  ++unfinished_;
  const auto kept = std::find_if(incoming_.begin(), incoming_.end(), [&](const Incoming& one) {
    return !one.target && one.tag == static_cast<std::uint32_t>(message->tag);
  });
  if (kept == incoming_.end()) return posted_.push_back(message);
  kept->target = message;
  try {
    if (kept->size != message->size) refuse_size();
    if (kept->received < kept->size) return;
    deliver_kept(*kept);
    incoming_.erase(kept);
  } catch (...) {
    fail_locked(std::current_exception());
  }
}

Link::Moved Link::progress(bool anyhow) {
  Moved moved;
  const std::lock_guard lock(mutex_);
  if (failure_) return moved;
  try {
    for (int round = 0; round < frames_at_a_time && !moved.messages; ++round) {
      const bool before = std::exchange(moved.bytes, false);
      for (std::size_t k = 0; k < channels_.size(); ++k) step(k, anyhow, moved);
      if (!std::exchange(moved.bytes, moved.bytes || before)) break;
    }
  } catch (...) {
    fail_locked(std::current_exception());
    moved.messages = true;
  }
  return moved;
}

void Link::step(std::size_t k, bool anyhow, Moved& moved) {
  moved.bytes |= write(k, moved);
  moved.bytes |= read(k, anyhow, moved);
}

void Link::heard(std::size_t connection, bool readable, bool writable, bool ended) {
  const std::lock_guard lock(mutex_);
  channels_[connection].readable |= readable;
  channels_[connection].writable |= writable;
  channels_[connection].ended |= ended;
}

// ---- sending ----

// Up to one frame. Whether anything was sent.
bool Link::write(std::size_t k, Moved& moved) {
  Channel& channel = channels_[k];
  bool any = false;
  while (channel.writable && !channel.closed) {
    if (channel.writer.done() && (any || !begin_frame(k))) break;
    const auto parts = channel.writer.parts(most_parts);
    msghdr what{};
    what.msg_iov = parts.data();
    what.msg_iovlen = parts.size();
    const bool more = channels_.size() == 1 && channel.writing->begun < channel.writing->size;
    const auto count =
        ::sendmsg(channel.socket.fd(), &what, MSG_NOSIGNAL | MSG_DONTWAIT | (more ? MSG_MORE : 0));
    if (count < 0 && errno == EINTR) continue;
    if (count < 0 && is_nothing_now(errno)) {
      channel.writable = false;
      break;
    }
    if (count < 0) {
      // What the peer sent before it went may still be here: the reading side says how it ended.
      channel.writable = false;
      channel.readable = true;
      const int code = errno;
      if (code != EPIPE && code != ECONNRESET) lose(std::strerror(code));
      break;
    }
    any = true;
    channel.writer.sent(static_cast<std::size_t>(count));
    if (channel.writer.done()) finish_frame(channel, moved);
  }
  return any;
}

// Whether there is something to send.
bool Link::begin_frame(std::size_t k) {
  if (outgoing_.empty()) return false;
  const MessagePointer message = outgoing_.front();
  Channel& channel = channels_[k];
  if (message->begun == 0) {
    if (k != 0) return false;
    message->number = next_outgoing_++;
  }
  const std::size_t offset = message->begun;
  const std::size_t length = std::min(message->size - offset, channel.writer.frame_size());
  const bool last = offset + length == message->size;
  message->out.cut(offset, length, payload_);
  std::optional<std::uint64_t> flipped;
  if (message->flip && *message->flip >= 8 * offset &&
      (last || *message->flip < 8 * (offset + length)))
    flipped = *message->flip - 8 * offset;
  const FrameHeader header{.tag = static_cast<std::uint32_t>(message->tag),
                           .length = static_cast<std::uint32_t>(length),
                           .message = message->number,
                           .size = message->size,
                           .offset = offset};
  channel.writer.start(header, payload_, flipped);
  channel.writing = message;
  channel.writing_bytes = length;
  message->begun += length;
  if (last) outgoing_.pop_front();
  return true;
}

void Link::finish_frame(Channel& channel, Moved& moved) {
  const MessagePointer message = std::exchange(channel.writing, nullptr);
  message->sent += channel.writing_bytes;
  if (message->sent < message->size) return;
  complete(*message);
  moved.messages = true;
}

void Link::complete(Message& message) {
  unfinished_.fetch_sub(1);
  message.done = true;
}

// ---- receiving ----

// Up to one frame, or one message. Whether anything came.
bool Link::read(std::size_t k, bool anyhow, Moved& moved) {
  Channel& channel = channels_[k];
  bool any = false;
  bool tried = false;
  while (!channel.closed) {
    if (channel.reader.state() == FrameReader::State::frame) {
      take_frame(channel, moved);
      return true;
    }
    if (channel.reader.state() == FrameReader::State::header) {
      if (!accept(k)) break;
      any = true;
      continue;
    }
    if (!channel.readable && (!anyhow || tried)) break;
    tried = true;
    const auto room = channel.reader.room(most_parts);
    msghdr what{};
    what.msg_iov = room.data();
    what.msg_iovlen = room.size();
    std::size_t offered = 0;
    for (const iovec& part : room) offered += part.iov_len;
    const auto count = ::recvmsg(channel.socket.fd(), &what, MSG_DONTWAIT);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0 && is_nothing_now(errno)) {
      channel.readable = false;
      break;
    }
    if (count < 0 && errno != ECONNRESET && errno != EPIPE) lose(std::strerror(errno));
    if (count <= 0) {
      close(channel);
      break;
    }
    any = true;
    // Otherwise the system has no more now, and tells when it has; of an end it told already.
    channel.readable = channel.ended || static_cast<std::size_t>(count) == offered;
    channel.reader.took(static_cast<std::size_t>(count));
  }
  return any;
}

// The peer sends nothing more here. With several connections there may be something on the others.
void Link::close(Channel& channel) {
  channel.closed = true;
  const bool all = std::all_of(channels_.begin(), channels_.end(),
                               [](const Channel& one) { return one.closed; });
  if (all || channel.reader.amid()) lose("its connection was closed");
}

// Finds out where a frame goes. False: that is not known yet.
bool Link::accept(std::size_t k) {
  Channel& channel = channels_[k];
  const FrameHeader& header = channel.reader.header();
  auto found = std::find_if(incoming_.begin(), incoming_.end(),
                            [&](const Incoming& one) { return one.number == header.message; });
  Incoming* incoming = found != incoming_.end() ? &*found : begin_message(k, header);
  if (incoming == nullptr) return false;
  if (incoming->tag != header.tag || incoming->size != header.size)
    throw DamagedFrame("frames of a message do not fit together");
  if (incoming->bytes) {
    place_.assign(1, {incoming->bytes.get() + header.offset, header.length});
    channel.reader.place(place_);
  } else if (incoming->target->mode == Receive::add) {
    channel.reader.place_here();
  } else {
    incoming->target->in.cut(header.offset, header.length, place_);
    channel.reader.place(place_);
  }
  return true;
}

// Null when it must wait.
Link::Incoming* Link::begin_message(std::size_t k, const FrameHeader& header) {
  if (k != 0 && header.message >= next_incoming_) return nullptr;  // its first frame is on its way
  if (header.message != next_incoming_ || header.offset != 0)
    throw DamagedFrame("frames are out of order");
  const auto asked = std::find_if(posted_.begin(), posted_.end(), [&](const MessagePointer& one) {
    return static_cast<std::uint32_t>(one->tag) == header.tag;
  });
  Incoming incoming(header.message, header.tag, header.size);
  if (asked != posted_.end()) {
    incoming.target = *asked;
    posted_.erase(asked);
    if (incoming.target->size != header.size) {
      posted_.push_back(incoming.target);  // to be failed with the others
      refuse_size();
    }
  } else {
    const bool sends = !outgoing_.empty() ||
                       std::any_of(channels_.begin(), channels_.end(),
                                   [](const Channel& one) { return one.writing != nullptr; });
    if (header.size > eager_size && posted_.empty() && !sends) return nullptr;
    incoming.bytes.reset(new std::byte[header.size]);
  }
  ++next_incoming_;
  incoming_.push_back(std::move(incoming));
  return &incoming_.back();
}

void Link::take_frame(Channel& channel, Moved& moved) {
  const FrameHeader header = channel.reader.header();
  const auto incoming = std::find_if(incoming_.begin(), incoming_.end(), [&](const Incoming& one) {
    return one.number == header.message;
  });
  const bool adds = !incoming->bytes && incoming->target->mode == Receive::add;
  if (adds) incoming->target->deliver(header.offset, channel.reader.payload(), place_);
  incoming->received += header.length;
  if (incoming->received == incoming->size && incoming->target) {
    if (incoming->bytes)
      deliver_kept(*incoming);
    else
      complete(*incoming->target);
    incoming_.erase(incoming);
    moved.messages = true;
  }
  channel.reader.next();
}

void Link::deliver_kept(Incoming& incoming) {
  incoming.target->deliver(0, {incoming.bytes.get(), incoming.size}, place_);
  complete(*incoming.target);
}

// ---- the end ----

void Link::fail(const std::exception_ptr& error) {
  const std::lock_guard lock(mutex_);
  if (!failure_) fail_locked(error);
}

void Link::fail_locked(const std::exception_ptr& error) {
  std::vector<MessagePointer> messages(posted_.begin(), posted_.end());
  messages.insert(messages.end(), outgoing_.begin(), outgoing_.end());
  std::size_t damaged = 0;
  for (Incoming& one : incoming_)
    if (one.target) messages.push_back(one.target);
  for (Channel& channel : channels_) {
    if (channel.writing) messages.push_back(channel.writing);
    if (channel.reader.amid()) damaged = channel.reader.header().size;
  }
  failure_ = error;
  try {
    std::rethrow_exception(error);
  } catch (const DamagedFrame&) {
    failure_ = std::make_exception_ptr(DamagedMessageError(peer_, damaged));
  } catch (const std::bad_alloc&) {
    failure_ = std::make_exception_ptr(
        PeerError(peer_, fmt::format("no memory for a message of worker {}", peer_)));
  } catch (...) {  // as it is
  }
  posted_.clear();
  outgoing_.clear();
  incoming_.clear();
  for (Channel& channel : channels_) channel.writing = nullptr;
  for (const MessagePointer& message : messages) {
    if (message->done) continue;
    message->error = failure_;
    complete(*message);
  }
}

bool Link::broken() const {
  const std::lock_guard lock(mutex_);
  return failure_ != nullptr;
}

void Link::drain() {
  const std::lock_guard lock(mutex_);
  for (const Channel& channel : channels_) {
    ::shutdown(channel.socket.fd(), SHUT_WR);
    while (::recv(channel.socket.fd(), nullptr, 1 << 20, MSG_TRUNC | MSG_DONTWAIT) > 0) continue;
  }
}

bool Link::flushed() const {
  const std::lock_guard lock(mutex_);
  return std::all_of(channels_.begin(), channels_.end(), [](const Channel& channel) {
    int waiting = 0;
    return channel.closed || ::ioctl(channel.socket.fd(), SIOCOUTQ, &waiting) != 0 || waiting == 0;
  });
}

}  // namespace convoy::tcp
