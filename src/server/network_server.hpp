#pragma once
// A server of a job as a process (or thread) of its own, over ZeroMQ with CURVE.
#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "server/directory.hpp"
#include "server/frames.hpp"
#include "server/host.hpp"

namespace convoy::server {

struct NetworkServerOptions {
  int number = 0;
  Endpoint rendezvous;
  Secret secret;
  /// The address to listen at; empty: the one that reaches the rendezvous.
  std::string bind;
  std::chrono::milliseconds timeout{300'000};
  std::function<void(const std::string&)> log;  ///< one line each, a few a second at most
};

/// Whoever has no key of the job gets no connection; what members send that is no message of the
/// protocol, was sent before, or is too large is refused, told to `log` and changes nothing.
class NetworkServer {
 public:
  /// Listens when it returns. Throws IoError, PeerError.
  explicit NetworkServer(NetworkServerOptions options);
  ~NetworkServer();

  /// Serves until all workers have closed their connections (true), or `stop` is set or the
  /// rendezvous is lost (false).
  bool serve(const std::atomic<bool>& stop);
  const std::string& endpoint() const { return endpoint_; }
  const std::string& key() const { return keys_.public_key; }

 private:
  using Clock = std::chrono::steady_clock;
  struct Session {
    std::uint64_t sequence = 0;  // of the last message
  };
  struct Waiting {
    std::string from;
    Message request;
  };
  struct Unreplicated {
    std::string from;
    Message answer;
    int backup = -1;
  };

  void listen();
  void serve_greeting();  // ZAP: who may connect
  std::string user_of(const std::vector<zmq::message_t>& greeting) const;
  void handle(Received received);
  bool accept(const Received& received);
  void handle_request(const std::string& from, const Message& request);
  bool try_request(const std::string& from, const Message& request);
  void handle_replica(const std::string& from, const Message& request);
  void retry();
  void answer(const std::string& to, Message& message, std::uint64_t request);
  void refuse(const std::string& what);
  void refuse_request(const std::string& to, const Message& request, Flag flag, std::string text);
  void replicate(const Message& request, int backup, const std::string& from,
                 const Message& answer);
  void handle_acknowledgement(Received received);
  void look_around();
  int role_backup(std::uint32_t shard) const;  // -2: not our shard
  zmq::socket_t& peer(int server);

  NetworkServerOptions options_;
  CurveKeys keys_ = random_keys();
  CurveKeys worker_keys_;  // those of all workers
  CurveKeys server_keys_;
  std::string endpoint_;
  Directory directory_;
  ShardMap map_;
  Host host_;
  zmq::context_t context_;
  zmq::socket_t zap_;
  zmq::socket_t router_;
  struct Peer {
    zmq::socket_t socket;
    std::uint64_t sequence = 0;
  };
  std::map<int, Peer> peers_;  // backups of ours
  std::size_t gone_seen_ = 0;

  std::map<std::string, Session> sessions_;
  std::map<std::uint64_t, std::string> workers_;  // that said hello
  std::vector<Waiting> waiting_;
  std::map<std::uint64_t, Unreplicated> unreplicated_;
  std::uint64_t replications_ = 0;
  Clock::time_point refused_since_{};
  int refused_ = 0;
};

}  // namespace convoy::server
