#pragma once
// The server's end of one connection, and the store behind all of them. Bytes in, bytes out: no
// sockets and no clock of its own. Not thread-safe.
#include <chrono>
#include <functional>
#include <list>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "comm/rendezvous_wire.hpp"

namespace convoy::rendezvous {

class Store {
 public:
  /// Keys and values together; what goes beyond is refused.
  static constexpr std::size_t max_bytes = std::size_t{1} << 30;

  /// Null when it is absent.
  const std::string* find(const std::string& key) const;
  /// Throws InputError when the store is full.
  void set(const std::string& key, std::string value);
  bool remove(const std::string& key);
  std::size_t count() const { return values_.size(); }
  /// Changes whenever a key is added: who waits for one may look again.
  std::uint64_t additions() const { return additions_; }

 private:
  std::unordered_map<std::string, std::string> values_;
  std::size_t bytes_ = 0;
  std::uint64_t additions_ = 0;
};

class Session {
 public:
  using Clock = std::chrono::steady_clock;
  static constexpr std::size_t max_parked = 1024;

  Session(Store& store, const Secret& secret, std::string nonce = random_nonce());

  /// What arrived. Whatever it is, this does not throw.
  void receive(std::string_view bytes, Clock::time_point now);
  /// Answers the waiting requests whose keys are there or whose time is up.
  void look_again(Clock::time_point now);
  /// The connection is gone: carries out the client's last will.
  void hang_up();

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

  void greet();
  void check_proof();
  void handle(std::string_view body, Clock::time_point now);
  void handle_fields(std::uint32_t id, Operation operation, BodyReader& fields,
                     Clock::time_point now);
  void park(Parked request, Clock::time_point now);
  bool settle(Parked& request, Clock::time_point now);
  void add(std::uint32_t id, const std::string& key, std::uint64_t delta);
  void compare_set(std::uint32_t id, BodyReader& fields);
  void answer(std::uint32_t id, Answer outcome, const BodyWriter& fields = {});
  void end(std::string problem);

  Store& store_;
  const Secret& secret_;
  std::string nonce_;
  std::string greeting_;  // what has arrived before the peer proved itself
  std::optional<ConnectionKeys> keys_;
  std::optional<Opener> opener_;
  std::optional<Sealer> sealer_;
  std::list<Parked> parked_;
  std::optional<std::pair<std::string, std::string>> will_;
  std::string output_;
  std::string problem_;
  bool ended_ = false;
};

}  // namespace convoy::rendezvous
