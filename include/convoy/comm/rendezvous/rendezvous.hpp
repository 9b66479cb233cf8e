#pragma once
// Where the workers of a job find each other: a small key-value store, served over TCP.
//
// Both ends prove that they know the job's secret (HMAC-SHA256 over nonces of both), and every
// message afterwards carries a sequence number and a MAC under a key of that connection. So nobody
// without the secret can read or write the store through the server, or insert, change, replay or
// drop single messages unnoticed. It is not encrypted: who can see the traffic can read it.
// docs/launching.md has the whole picture.
#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "convoy/comm/rendezvous/store.hpp"
#include "convoy/comm/secret.hpp"
#include "convoy/core/error.hpp"

#pragma GCC visibility push(default)

namespace convoy {

namespace rendezvous {
struct Connection;
}

/// A host (name or numeric address, without brackets) and a port of it.
struct Endpoint {
  std::string host;
  std::uint16_t port = 0;
};

/// Of "HOST:PORT" or "[IPv6]:PORT". Throws InputError.
Endpoint parse_endpoint(std::string_view text);
std::string to_string(const Endpoint& endpoint);

/// A server cannot listen at its address; `code()` is the errno.
class ListenError : public IoError {
 public:
  ListenError(int code, const std::string& text) : IoError(text), code_(code) {}
  int code() const { return code_; }

 private:
  int code_;
};

struct RendezvousServerOptions {
  std::string bind = "127.0.0.1";  ///< the address to listen at, nothing wider
  std::uint16_t port = 0;          ///< 0: any that is free
  Secret secret;
  /// Told about refused connections, one line each, a few a second at most; called by the server's
  /// thread.
  std::function<void(const std::string&)> log;
  /// Empty: none. A file that holds every change of a key that does not begin with '~' before it is
  /// answered; a server that starts with one has its keys again. Last wills are not in it.
  std::filesystem::path journal = {};
};

/// Serves until it is destroyed, in one thread of its own. Strangers who say nothing, nonsense or
/// half of a handshake are dropped and disturb nobody. At most 1,024 connections.
class RendezvousServer {
 public:
  /// Listens when it returns. Throws ListenError; InputError, with file and byte, when the journal
  /// is damaged, and IoError when it cannot be written.
  explicit RendezvousServer(RendezvousServerOptions options);
  /// Drops every connection at once.
  ~RendezvousServer();
  RendezvousServer(const RendezvousServer&) = delete;
  RendezvousServer& operator=(const RendezvousServer&) = delete;
  std::uint16_t port() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

/// One connection to a rendezvous. Thread-safe: a call that waits holds up no other.
///
/// Keys are 1 to 4,096 bytes, values up to 64 MiB; InputError otherwise. Every call throws
/// PeerError once the rendezvous is lost, TimeoutError when it does not answer in time.
class RendezvousClient : public Store {
 public:
  /// Tries again until `timeout` while nobody answers there: the server may start later.
  /// `call_timeout` is that of the calls below that name none, `timeout` if it is not given. Throws
  /// TimeoutError, and at once AuthenticationError when the secret differs or what answers is no
  /// rendezvous.
  RendezvousClient(const std::string& host, std::uint16_t port, const Secret& secret,
                   Duration timeout, std::optional<Duration> call_timeout = {});
  ~RendezvousClient() override;
  RendezvousClient(const RendezvousClient&) = delete;
  RendezvousClient& operator=(const RendezvousClient&) = delete;

  void set(const std::string& key, const std::string& value) override;
  /// Waits until the key is there. Throws TimeoutError.
  std::string get(const std::string& key);
  std::string get(const std::string& key, Duration timeout) override;
  /// As get(), but nothing when nobody sets it in time; so a TimeoutError means that the rendezvous
  /// does not answer.
  std::optional<std::string> get_within(const std::string& key, Duration timeout);
  std::optional<std::string> get_if_present(const std::string& key) override;
  /// Adds to a decimal number (0 when absent) and returns the sum. Throws Error when the key holds
  /// something else.
  std::int64_t add(const std::string& key, std::int64_t delta);
  /// Sets the key to `desired` if it is `expected` now; an absent key counts as empty. Returns the
  /// value that the key has afterwards.
  std::string compare_set(const std::string& key, const std::string& expected,
                          const std::string& desired) override;
  /// All keys that begin with `prefix`, with their values: 64 MiB together at most, InputError
  /// otherwise.
  std::map<std::string, std::string> list(const std::string& prefix) override;
  /// Whether all of them are there.
  bool check(const std::vector<std::string>& keys);
  /// Whether it was there.
  bool delete_key(const std::string& key) override;
  std::int64_t count();
  /// Until all of them are there. The TimeoutError names the first that is missing.
  void wait(const std::vector<std::string>& keys, Duration timeout);
  /// Until `size` clients have called it with this name; a name may be used again and again by the
  /// same clients.
  void barrier(const std::string& name, int size, Duration timeout);
  /// A promise to call something at least so often.
  struct Lease {
    Duration silence{0};
    std::string value;  ///< that the last will's key gets when it is broken
  };
  /// What the server shall do when this connection ends, however it does: set `key` to `value`
  /// unless it is there. With a lease also when the client was silent for longer than that: its
  /// process is stopped, or the network between is cut; the connection stays, for a client that
  /// comes back. One will for each client; an empty key takes it back.
  void last_will(const std::string& key, const std::string& value);
  void last_will(const std::string& key, const std::string& value, const Lease& lease);

  /// The numeric address of our end of the connection: one that reaches the rendezvous.
  const std::string& local_address() const override;
  /// "HOST:PORT" of the rendezvous.
  const std::string& address() const override;
  std::string derived_key(std::string_view purpose) const override;
  /// Ends all calls, those under way too, with PeerError.
  void interrupt() override;

 private:
  friend class RendezvousStore;  // connects by itself, again and again
  RendezvousClient(rendezvous::Connection connection, const Endpoint& server, const Secret& secret,
                   Duration call_timeout);

  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace convoy

#pragma GCC visibility pop
