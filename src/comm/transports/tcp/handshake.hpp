#pragma once
// How the ends of a connection between two workers prove to each other who they are, before
// anything else. Bytes in, bytes out: no sockets.
//
//   connector: magic, nonce, its rank, the listener's, number of the connection     52 bytes
//   listener:  magic, nonce                                                         40 bytes
//   connector: its proof                                                            32 bytes
//   listener:  accepted, its proof   or   refused                             33 bytes or 1
//
// Integers are little-endian. All keys are HKDF-Expand (RFC 5869, HMAC-SHA256) of the group's key
// over what the key is for, both nonces, both ranks, the number of the connection, both workers'
// random identities and whether the connection is sealed. The group's key is derived from the job's
// secret and the group's name, which has the generation in it (Store::derived_key); the identities
// were exchanged over the store, which authenticates them. So a proof is of no use
//   - sent back to its maker: each role has a key of its own;
//   - later, or on another connection: the other end's nonce is new, ranks and number differ;
//   - in another group, or to a worker that has taken a lost one's rank.
// The connector proves itself first: a stranger who connects learns nothing to try secrets on.
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

namespace convoy::tcp {

constexpr std::string_view handshake_magic = "CONVOYT1";  // the last character is the version
constexpr std::size_t handshake_nonce_size = 32;
constexpr std::size_t hello_size = handshake_magic.size() + handshake_nonce_size + 12;
constexpr std::size_t challenge_size = handshake_magic.size() + handshake_nonce_size;

/// What both ends of a connection know of it before.
struct Introduction {
  std::uint32_t connector = 0;  ///< ranks
  std::uint32_t listener = 0;
  std::uint32_t connection = 0;  ///< of those of this pair
  bool sealed = false;
  std::string connector_identity, listener_identity;
};

struct HandshakeKeys {
  std::string connector_proof, listener_proof;
  std::string to_listener, to_connector;  ///< for the payload
};
HandshakeKeys derive_keys(std::string_view group_key, const Introduction& about,
                          std::string_view connector_nonce, std::string_view listener_nonce);

class Handshake {
 public:
  enum class State { going, done, refused, stranger };
  virtual ~Handshake() = default;

  /// Takes no more of `bytes` than belongs to the handshake: how many. Does not throw.
  std::size_t receive(std::string_view bytes);
  /// Bytes until the next answer: no more may be read, what follows is not the handshake's.
  std::size_t missing() const;
  /// To be sent; the caller removes what it has sent.
  std::string& output() { return output_; }
  State state() const { return state_; }
  /// Of an end that is not done: one line.
  const std::string& problem() const { return problem_; }
  const HandshakeKeys& keys() const { return *keys_; }
  const Introduction& about() const { return about_; }

 protected:
  Handshake(std::string group_key, Introduction about, std::string nonce);
  virtual std::size_t wanted() const = 0;  // bytes of the next part
  virtual void take(std::string_view part) = 0;
  void end(State state, std::string problem = {});

  std::string group_key_;
  Introduction about_;
  std::string nonce_;
  std::optional<HandshakeKeys> keys_;
  std::string output_;

 private:
  std::string part_;
  std::string problem_;
  State state_ = State::going;
};

class ConnectorHandshake final : public Handshake {
 public:
  ConnectorHandshake(std::string group_key, const Introduction& about, std::string nonce);

 private:
  std::size_t wanted() const override;
  void take(std::string_view part) override;
  bool accepted_ = false;
};

class ListenerHandshake final : public Handshake {
 public:
  /// `expected` completes what a connector says of itself (ranks and number), or nothing if nobody
  /// like that is awaited.
  using Expected = std::function<std::optional<Introduction>(const Introduction& claim)>;
  ListenerHandshake(std::string group_key, Expected expected, std::string nonce);

 private:
  std::size_t wanted() const override;
  void take(std::string_view part) override;
  Expected expected_;
};

}  // namespace convoy::tcp
