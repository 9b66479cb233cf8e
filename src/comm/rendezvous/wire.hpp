#pragma once
// The rendezvous protocol's bytes: handshake, authenticated messages, fields. No sockets.
//
//   client: magic, nonce                    server: magic, nonce
//   client: its proof                       server: accepted, its proof   or   refused
// then messages both ways: u32 size, body, tag. Integers are little-endian. A proof is
// HMAC-SHA256(secret, role, both nonces); the client's comes first, so that a stranger learns
// nothing to try passwords on. A tag is HMAC-SHA256(key, u64 number of the message, size, body)
// cut to 16 bytes, under a key that is derived from secret and nonces, another for each direction.
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "comm/rendezvous/store_limits.hpp"
#include "convoy/comm/secret.hpp"
#include "convoy/core/error.hpp"
#include "core/hmac.hpp"

namespace convoy::rendezvous {

constexpr std::string_view magic = "CONVOYR2";  // the last character is the version
constexpr std::size_t nonce_size = 32;
constexpr std::size_t proof_size = hmac_size;
constexpr std::size_t tag_size = 16;
constexpr std::size_t hello_size = magic.size() + nonce_size;
constexpr char accepted = 'A';
constexpr char refused = 'R';

using store_limits::max_key;
using store_limits::max_value;
constexpr std::size_t max_body = max_value + (std::size_t{1} << 20);

/// The bytes break the protocol: the connection is of no more use.
class ProtocolError : public Error {
 public:
  using Error::Error;
};

std::string random_nonce();

struct ConnectionKeys {
  std::string client_proof, server_proof;
  std::string to_server, to_client;
};
ConnectionKeys derive_keys(const Secret& secret, std::string_view client_nonce,
                           std::string_view server_nonce);

/// Makes messages of bodies, in the order in which they are sent.
class Sealer {
 public:
  explicit Sealer(std::string key) : key_(std::move(key)) {}
  std::string seal(std::string_view body);

 private:
  std::string key_;
  std::uint64_t number_ = 0;
};

/// Takes what arrived, in any pieces, and gives back the bodies.
class Opener {
 public:
  explicit Opener(std::string key) : key_(std::move(key)) {}
  void feed(std::string_view bytes) { pending_ += bytes; }
  /// Nothing while the next message is incomplete. Throws ProtocolError when it is too large or not
  /// the peer's next message.
  std::optional<std::string> next();

 private:
  std::string key_;
  std::string pending_;
  std::size_t begin_ = 0;  // of what next() has not given back yet
  std::uint64_t number_ = 0;
};

/// Appends fields to a body.
class BodyWriter {
 public:
  BodyWriter& u8(std::uint8_t value);
  BodyWriter& u32(std::uint32_t value);
  BodyWriter& u64(std::uint64_t value);
  BodyWriter& text(std::string_view value);  ///< u32 size, bytes
  BodyWriter& raw(std::string_view fields);  ///< the bytes of fields already written
  const std::string& body() const { return body_; }

 private:
  std::string body_;
};

/// Takes them out again. Throws ProtocolError when the body is shorter than its fields.
class BodyReader {
 public:
  explicit BodyReader(std::string_view body) : rest_(body) {}
  std::uint8_t u8() { return static_cast<std::uint8_t>(integer(1)); }
  std::uint32_t u32() { return static_cast<std::uint32_t>(integer(4)); }
  std::uint64_t u64() { return integer(8); }
  std::string text();
  bool at_end() const { return rest_.empty(); }

 private:
  std::string_view take(std::size_t size);
  std::uint64_t integer(std::size_t size);

  std::string_view rest_;
};

/// A request is u32 id, u8 operation, its fields. Requests may be answered in any order.
enum class Operation : std::uint8_t {
  set = 1,      ///< key, value
  get,          ///< key, u64 milliseconds to wait; the answer is late or holds the value
  add,          ///< key, u64 (two's complement); the answer holds u64
  compare_set,  ///< key, expected, desired; the answer holds the value
  check,        ///< u32 count, keys; the answer holds u8
  remove,       ///< key; the answer holds u8
  count,        ///< the answer holds u64
  wait,         ///< u64 milliseconds, u32 count, keys; when late, the answer holds a missing key
  last_will,    ///< key, value, u64 milliseconds of silence (0: any), the value then
  list,         ///< prefix; the answer holds u32 count, then as many keys and values
};

/// An answer is u32 id, u8 outcome, its fields; those of `failed` are one text.
enum class Answer : std::uint8_t { done = 0, late, failed };

}  // namespace convoy::rendezvous
