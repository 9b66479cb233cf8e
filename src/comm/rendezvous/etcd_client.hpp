#pragma once
// Calls of etcd's v3 API through its JSON gateway:
// https://etcd.io/docs/v3.4/dev-guide/api_grpc_gateway/
#include <chrono>
#include <functional>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "convoy/comm/rendezvous/rendezvous.hpp"

namespace convoy::etcd {

struct Options {
  std::vector<Endpoint> endpoints;  ///< of one cluster; each is tried in turn
  bool tls = false;
  std::string ca, certificate, key;  ///< files (PEM); empty: the system's CAs, no certificate
  std::string user, password;        ///< empty: etcd asks for none
  std::chrono::milliseconds patience{60'000};
};

/// `endpoints` is "HOST:PORT[,HOST:PORT...]"; the rest is of CONVOY_ETCD_CA, CONVOY_ETCD_CERT,
/// CONVOY_ETCD_KEY, CONVOY_ETCD_USER and CONVOY_ETCD_PASSWORD. Throws InputError.
Options options_of(std::string_view endpoints, bool tls, std::chrono::milliseconds patience);

/// Nobody answered by the moment that the caller named.
class LateError : public TimeoutError {
 public:
  using TimeoutError::TimeoutError;
};

/// Thread-safe. A call is repeated while etcd cannot be reached or has no leader, until `patience`
/// has passed since that began: PeerError then, and after interrupt(). Throws AuthenticationError
/// when etcd refuses us or cannot prove that it is the one we trust, Error for what else it
/// complains of.
class Client {
 public:
  using Clock = std::chrono::steady_clock;
  using Json = nlohmann::json;

  explicit Client(Options options);
  ~Client();
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  /// POST of `request` to `path`; the answer. Not repeated after `deadline`: throws LateError then.
  Json call(const std::string& path, const Json& request,
            std::optional<Clock::time_point> deadline = {});
  /// For calls whose answer is a stream: gives `accept` the messages until it returns true, the
  /// deadline, or the connection's end, whyever it comes; says whether `accept` returned true.
  bool stream(const std::string& path, const Json& request, Clock::time_point deadline,
              const std::function<bool(const Json&)>& accept);
  /// False when interrupted.
  bool pause(std::chrono::milliseconds time);

  /// The numeric address of our end of the first connection.
  std::string local_address() const;
  /// "etcd://HOST:PORT,..."
  const std::string& address() const;
  void interrupt();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace convoy::etcd
