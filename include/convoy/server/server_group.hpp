#pragma once
// A worker process' place in a job with parameter servers (strategy.kind:
// parameter_server).
#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#pragma GCC visibility push(default)

namespace convoy {

namespace server {
class Link;
}

/// A worker process of the job.
struct ServedWorker {
  std::string name;  ///< unique in the job
  int rank = 0;
  std::string host;
  bool gone = false;  ///< lost, or it has left
};

/// Servers in processes of their own, as `convoy launch --servers` starts them.
/// Thread-safe. All calls throw PeerError when the rendezvous is lost.
class ServerGroup {
 public:
  /// From CONVOY_SERVERS, CONVOY_RENDEZVOUS, CONVOY_RANK, CONVOY_WORKERS and
  /// the job's secret; null when the launcher started no servers. Throws
  /// InputError, PeerError, AuthenticationError.
  static std::shared_ptr<ServerGroup> from_environment(std::chrono::milliseconds timeout,
                                                       int backups);
  virtual ~ServerGroup() = default;

  virtual int rank() const = 0;     ///< of this process among the workers
  virtual int workers() const = 0;  ///< processes that the first step waits for
  /// This process ends well: the others need not take it for lost.
  virtual void leave() = 0;
  /// The value that the first worker that asked gave: the same for all workers of the job.
  virtual std::string agree(const std::string& key, const std::string& mine) = 0;
  /// The connections of one replica of this process. Throws PeerError when
  /// servers are lost.
  virtual std::unique_ptr<server::Link> connect(int replica) = 0;

  /// Whether this process coordinates the run: it writes the run's folder, evaluates and keeps
  /// checkpoints. One process at a time does: rank 0 from the beginning and, when the one that does
  /// is gone, whichever asks first, from then on.
  virtual bool coordinates() = 0;
  /// The name of the process that coordinated the run before this one; empty: none did.
  virtual std::string previous_coordinator() const = 0;
  /// The run's folder, as the coordinator has published it.
  virtual void publish_folder(const std::string& folder) = 0;
  virtual std::optional<std::string> folder() = 0;
  /// Whether the servers have what the run begins with; whether all is done that there was to do.
  virtual void publish_begun() = 0;
  virtual bool begun() = 0;
  /// By the coordinator: `finished`, or stopped before its end, and nobody is to go on.
  virtual void publish_end(bool finished) = 0;
  virtual bool finished() = 0;

  /// The servers know this process: the others may count on it.
  virtual void enlist() = 0;
  /// All that enlisted so far, in the order of their names; as known some 50 ms ago, or `now`.
  virtual std::vector<ServedWorker> processes(bool now) = 0;
  virtual std::string self() const = 0;
  /// Whether this process may go for good without leave(), because another one stays. To be asked
  /// again: processes that want to leave go one after the other.
  virtual bool may_go() = 0;
};

}  // namespace convoy

#pragma GCC visibility pop
