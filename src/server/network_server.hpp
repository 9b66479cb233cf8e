#pragma once
// A server of a job as a process (or thread) of its own, over ZeroMQ with CURVE.
#include <atomic>
#include <chrono>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "server/directory.hpp"
#include "server/frames.hpp"
#include "server/shard_store.hpp"
#include "server/snapshot.hpp"

#pragma GCC visibility push(default)  // not public: the command, a library of its own, calls it

namespace convoy::server {

struct NetworkServerOptions {
  int number = 0;
  Endpoint rendezvous;
  Secret secret;
  /// The address to listen at; empty: the one that reaches the rendezvous.
  std::string bind;
  std::chrono::milliseconds timeout{300'000};
  std::chrono::milliseconds lost_after{5'000};  ///< without a heartbeat
  /// How long a part lacks a backup until a server that has other parts becomes it. A new server
  /// does at once.
  std::chrono::milliseconds offer_after{10'000};
  /// Set (by a signal handler): the server goes once each of its parts is on another one, too.
  const std::atomic<bool>* leave = nullptr;
  std::function<void(const std::string&)> log;  ///< one line each, a few a second at most
};

/// Whoever has no key of the job gets no connection; what members send that is no message of the
/// protocol, was sent before, or is too large is refused, told to `log` and changes nothing.
class NetworkServer {
 public:
  /// Listens when it returns. Throws IoError, PeerError.
  explicit NetworkServer(NetworkServerOptions options);
  ~NetworkServer();

  /// Serves until all workers have closed their connections, the job has no need of this server or
  /// it has left (true), or `stop` is set or the rendezvous is lost (false).
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

  // Of a shard of ours: who gets its changes, and whether we answer only when it has them.
  struct Copy {
    int server = -1;
    bool waits = true;
  };
  // Of a shard of ours: a server that becomes its backup.
  struct Seeding {
    int to = -1;
    std::uint64_t last = 0;     // the request whose answer tells that it has all before it
    Clock::time_point asked{};  // when it was last asked how far it is
    int questions = 0;
    bool waits = false;  // we acknowledge nothing more without it
    bool refused = false;
  };
  // Of a shard that we become the backup of: what came so far.
  struct Arriving {
    std::string from;
    std::deque<SnapshotReader::Piece> pieces;
    bool whole = false;
  };

  void listen();
  void authenticate();  // ZAP: who may connect
  std::string user_of(const std::vector<zmq::message_t>& request) const;
  void handle(Received received);
  bool accept(const Received& received);
  void handle_request(const std::string& from, const Message& request);
  bool try_request(const std::string& from, const Message& request);
  void handle_replica(const std::string& from, const Answer& received);
  void retry();
  void answer(const std::string& to, Message& message, std::uint64_t request);
  void refuse(const std::string& what);
  void refuse_request(const std::string& to, const Message& request, Flag flag, std::string text);
  void replicate(const Message& request, Copy copy, const std::string& from, const Message& answer);
  std::uint64_t send_to_peer(int server, Message message);
  void handle_acknowledgement(Received received);
  void look_around();
  void look_at_gone();
  bool is_ours(std::uint32_t shard) const;
  Copy copy_of(std::uint32_t shard) const;
  zmq::socket_t& peer(int server);
  void log_line(const std::string& line) const;

  // How a server becomes a backup (network_seeding.cpp).
  void offer();
  bool is_needed() const;
  void end_well();
  void look_at_seedings();
  void seed(std::uint32_t shard, int to);
  void handle_seed_answer(const Message& answer);
  bool may_replicate(std::uint32_t shard, const std::string& from) const;
  void take_seed(const std::string& from, const Answer& received);
  void restore(std::uint32_t shard, Arriving& arriving);
  void become_backup(const std::string& from, const Message& seeded);
  void withdraw(std::uint32_t shard, const std::string& why);

  // How servers that have the same shards change places (network_moves.cpp).
  bool leaves();
  void balance();
  void hand_over();

  NetworkServerOptions options_;
  CurveKeys keys_ = random_keys();
  CurveKeys worker_keys_;  // those of all workers
  CurveKeys server_keys_;
  std::string endpoint_;
  Directory directory_;
  ShardMap map_;
  ShardStore shard_store_;
  zmq::context_t context_;
  zmq::socket_t zap_;
  zmq::socket_t router_;
  struct Peer {
    zmq::socket_t socket;
    std::uint64_t sequence = 0;
  };
  std::map<int, Peer> peers_;                   // backups of ours
  std::map<std::uint32_t, Seeding> seedings_;   // by shard
  std::map<std::uint32_t, Arriving> arriving_;  // by shard
  Clock::time_point lacking_since_{};           // that some part has no backup
  bool unfit_ = false;                          // to become one
  std::optional<std::uint32_t> handing_over_;   // a shard of ours, to its backup
  bool logged_staying_ = false;                 // that it cannot leave yet
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

#pragma GCC visibility pop
