#pragma once
// All connections to one peer, and the messages that go over them. Does not wait.
//
// Order: the first frame of every message goes over connection 0, in the order of the sends, so
// messages of a tag are matched in that order. The rest of a long message goes over whichever
// connection has room.
//
// A message that comes before it is asked for: up to `eager_size` it is kept, since the copy costs
// little. A longer one stays with the system, which makes the sender wait, until somebody asks:
// then it goes straight to where it belongs. But what stands behind it on the connection waits too.
// So it is kept as well when somebody here waits for another message of the peer, or when our own
// sends to the peer have not left yet: it may be waiting for them before it asks for anything. That
// needs no question to the receiver, whose answer would take the time of two more messages.
#include <deque>
#include <list>
#include <mutex>

#include "comm/rendezvous/socket.hpp"
#include "comm/transports/tcp/message.hpp"

namespace convoy::tcp {

/// A connection whose ends have proved themselves.
struct Established {
  rendezvous::Socket socket;
  std::optional<RecordCipher> sealer, opener;
};

class Link {
 public:
  Link(int peer, std::vector<Established> connections);
  ~Link();
  Link(const Link&) = delete;
  Link& operator=(const Link&) = delete;

  /// Sends at once what the system takes. Counts and failures: as progress().
  void send(const MessagePointer& message);
  void receive(const MessagePointer& message);

  /// Moves bytes, both ways; a little at a time. `anyhow`: also where nothing was heard of since it
  /// was tried last. Never throws: what fails, fails the messages.
  struct Moved {
    bool bytes = false;
    bool messages = false;  ///< some are done
  };
  Moved progress(bool anyhow);
  /// The system said so.
  void heard(std::size_t connection, bool readable, bool writable, bool ended);
  /// Messages that are not done.
  int unfinished() const { return unfinished_; }
  /// Ends all messages, those to come too. Touches no memory of theirs afterwards.
  void fail(const std::exception_ptr& error);

  int peer() const { return peer_; }
  std::size_t connections() const { return channels_.size(); }
  int fd(std::size_t connection) const { return channels_[connection].socket.fd(); }
  /// Whether all that was sent has reached the peer's system.
  bool flushed() const;
  /// Throws away what came and was not read: a socket that is closed with it is reset, and what is
  /// on its way to the peer is lost. Then the system goes on sending, without us.
  void drain();
  bool broken() const;

 private:
  static constexpr std::size_t eager_size = 64 << 10;
  static constexpr std::size_t most_parts = 64;  // of a system call

  struct Channel {
    explicit Channel(Established from)
        : socket(std::move(from.socket)),
          writer(std::move(from.sealer)),
          reader(std::move(from.opener)) {}
    rendezvous::Socket socket;
    FrameWriter writer;
    FrameReader reader;
    MessagePointer writing;         // whose frame the writer has
    std::size_t writing_bytes = 0;  // of that frame
    bool readable = true;
    bool writable = true;
    bool ended = false;  // the peer will send nothing more; what it sent may not be read yet
    bool closed = false;
  };
  struct Incoming {
    Incoming(std::uint64_t its_number, std::uint32_t its_tag, std::size_t its_size)
        : number(its_number), tag(its_tag), size(its_size) {}
    std::uint64_t number;
    std::uint32_t tag;
    std::size_t size;
    std::size_t received = 0;
    MessagePointer target;               // who asked for it
    std::unique_ptr<std::byte[]> bytes;  // nobody had when it began
  };

  void step(std::size_t k, bool anyhow, Moved& moved);
  bool write(std::size_t k, Moved& moved);
  bool begin_frame(std::size_t k);
  void finish_frame(Channel& channel, Moved& moved);
  bool read(std::size_t k, bool anyhow, Moved& moved);
  bool accept(std::size_t k);
  Incoming* begin_message(std::size_t k, const FrameHeader& header);
  void take_frame(Channel& channel, Moved& moved);
  void complete(Message& message);
  void deliver_kept(Incoming& incoming);
  void fail_locked(const std::exception_ptr& error);
  [[noreturn]] void lose(const std::string& why) const;
  [[noreturn]] void refuse_size() const;
  void close(Channel& channel);

  const int peer_;
  mutable std::mutex mutex_;  // guards what follows
  std::deque<Channel> channels_;
  std::deque<MessagePointer> outgoing_;  // that frames are still to be made of
  std::list<MessagePointer> posted_;     // receives that nothing has come of
  std::list<Incoming> incoming_;
  std::uint64_t next_outgoing_ = 0;
  std::uint64_t next_incoming_ = 0;
  std::exception_ptr failure_;
  ConstPieces payload_;
  MutablePieces place_;
  std::atomic<int> unfinished_{0};
};

}  // namespace convoy::tcp
