#pragma once
// The server's end of one connection. Bytes in, bytes out: no sockets and no clock of its own. Not
// thread-safe.
#include <chrono>
#include <list>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "comm/rendezvous/table.hpp"
#include "comm/rendezvous/wire.hpp"

namespace convoy::rendezvous {

class ServerConnection {
 public:
  using Clock = std::chrono::steady_clock;
  static constexpr std::size_t max_parked = 1024;

  ServerConnection(Table& table, const Secret& secret, std::string nonce = random_nonce());

  /// What arrived. Whatever it is, this does not throw.
  void receive(std::string_view bytes, Clock::time_point now);
  /// Answers the waiting requests whose keys are there or whose time is up.
  void look_again(Clock::time_point now);
  /// The connection is gone: carries out the client's last will.
  void hang_up();
  /// Carries it out where the client was silent for longer than it promised. Whether it was.
  bool look_at_lease(Clock::time_point now);
  /// So long the server itself was held up, and heard nobody.
  void forgive(Clock::duration silence) { heard_ += silence; }

  /// The peer has proved that it knows the secret.
  bool authenticated() const { return opener_.has_value(); }
  /// Nothing more to do once the output is sent; `problem()` says why.
  bool ended() const { return ended_; }
  const std::string& problem() const { return problem_; }
  bool waiting() const { return !parked_.empty(); }
  /// When look_again() has something to do at the latest.
  std::optional<Clock::time_point> deadline() const;
  /// To be sent; the caller removes what it has sent.
  std::string& output() { return output_; }

 private:
  struct Parked {
    std::uint32_t id;
    Operation operation;  // get or wait
    std::vector<std::string> keys;
    Clock::time_point deadline;
  };

  struct Will {
    std::string key, value;
    std::chrono::milliseconds lease{0};  // 0: the client may be silent
    std::string value_of_silence;
  };

  void read_hello();
  void check_proof();
  void handle(std::string_view body, Clock::time_point now);
  void handle_fields(std::uint32_t id, Operation operation, BodyReader& fields,
                     Clock::time_point now);
  void park(Parked request, Clock::time_point now);
  bool settle(Parked& request, Clock::time_point now);
  void add(std::uint32_t id, const std::string& key, std::uint64_t delta);
  void compare_set(std::uint32_t id, BodyReader& fields);
  void list(std::uint32_t id, const std::string& prefix);
  void take_will(BodyReader& fields);
  void carry_out(const std::string& value);
  void answer(std::uint32_t id, Answer outcome, const BodyWriter& fields = {});
  void end(std::string problem);

  Table& table_;
  const Secret& secret_;
  std::string nonce_;
  std::string handshake_;  // what has arrived before the peer proved itself
  std::optional<ConnectionKeys> keys_;
  std::optional<Opener> opener_;
  std::optional<Sealer> sealer_;
  std::list<Parked> parked_;
  std::optional<Will> will_;
  Clock::time_point heard_{};
  std::string output_;
  std::string problem_;
  bool ended_ = false;
};

}  // namespace convoy::rendezvous
