#pragma once
// What servers and workers of a job tell each other through the rendezvous: addresses, which server
// has which shard, and who is lost.
#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "convoy/comm/rendezvous/rendezvous.hpp"

namespace convoy::server {

/// Who has which shard. -1: nobody.
struct ShardMap {
  std::uint64_t generation = 1;
  int backups = 0;    ///< that each shard shall have
  bool over = false;  ///< the workers have closed: nobody waits for servers that have no shard
  struct Place {
    int primary = -1;
    int backup = -1;
    int joining = -1;  ///< is to be the backup and does not have the state yet

    /// Has a primary and nobody else, and should have.
    bool lacks_backup() const { return primary >= 0 && backup < 0 && joining < 0; }
  };
  std::vector<Place> shards;

  /// As a job begins: shard k at server k, its backup at the next one.
  static ShardMap of(int servers, int backups);
  /// Without a server: its backups take over. One that is joining never does.
  ShardMap without(int server) const;
  bool has(int server) const;
  /// As has(), but for shards that it is joining.
  bool serves(int server) const;
  std::string text() const;
  static ShardMap parse(const std::string& text);
};

struct ServerAddress {
  std::string endpoint;  ///< "tcp://HOST:PORT"
  std::string key;       ///< public, Z85
};

/// A process' connection to the rendezvous, with a thread that looks at it a few times a second.
/// When the process ends, however it does, or sends no heartbeat for `lost_after`, the others
/// learn it.
class Directory {
 public:
  /// `self`: "server-0", "worker-3-123"; unique in the job. With 0 servers it waits for the map
  /// that the first worker makes. Throws PeerError, AuthenticationError.
  Directory(const Endpoint& at, const Secret& secret, std::string self, int servers, int backups,
            std::chrono::milliseconds timeout, std::chrono::milliseconds lost_after);
  ~Directory();

  void publish(int server, const ServerAddress& address);
  ServerAddress address(int server);  ///< waits for it
  const std::string& local_address() const { return client_->local_address(); }

  std::uint64_t generation() const { return generation_; }
  ShardMap map() const;
  /// Reads the map now.
  void refresh();
  /// Changes the map, whatever others do to it meanwhile: `change` may be asked several times, and
  /// returns nothing where there is nothing to change. Whether it was changed; then map() is it, or
  /// a later one.
  bool change(const std::function<std::optional<ShardMap>(const ShardMap&)>& change);
  /// Those that are lost or have left so far: "worker-3-123".
  std::vector<std::string> gone() const;
  bool is_gone(const std::string& who) const;
  std::size_t gone_count() const { return gone_count_; }

  /// Lists this process among workers().
  void enlist(const std::string& host);
  struct Worker {
    std::string name;  ///< "worker-3-123"
    std::string host;
    bool gone = false;
  };
  /// That have come so far, in the order of their names.
  std::vector<Worker> workers() const;
  const std::string& self() const { return self_; }
  RendezvousClient& store() { return *client_; }
  /// The coordinator of the run has published so.
  bool run_is_over();
  /// The rendezvous is lost, and with it the job; or the others took this process for lost.
  bool lost() const { return lost_; }
  /// Throws PeerError if lost(), which says why.
  void require_not_lost() const;
  /// Sees now who has come and who is lost, which else happens a few times a second.
  void look();
  /// This process ends well: nobody needs to do anything about it.
  void leave();

 private:
  void watch();
  std::string self_;
  std::chrono::milliseconds timeout_;
  std::chrono::milliseconds lost_after_;
  std::unique_ptr<RendezvousClient> client_;
  mutable std::mutex mutex_;
  ShardMap map_;
  std::string map_text_;
  std::set<std::string> gone_;
  std::map<std::string, std::string> here_;  // hosts of workers
  std::atomic<std::uint64_t> generation_{0};
  std::atomic<std::size_t> gone_count_{0};
  std::atomic<bool> lost_{false};
  std::atomic<bool> stopping_{false};
  std::thread thread_;
};

}  // namespace convoy::server
