#pragma once
// A worker process' place in a job with parameter servers (strategy.kind:
// parameter_server).
#include <chrono>
#include <cstdint>
#include <memory>

namespace convoy {

namespace server {
class Link;
}

/// Servers in processes of their own, as `convoy launch --servers` starts them.
/// Thread-safe.
class ServerGroup {
 public:
  /// From CONVOY_SERVERS, CONVOY_RENDEZVOUS, CONVOY_RANK, CONVOY_WORKERS and
  /// the job's secret; null when the launcher started no servers. Throws
  /// InputError, PeerError, AuthenticationError.
  static std::shared_ptr<ServerGroup> from_environment(std::chrono::milliseconds timeout,
                                                       int backups);
  virtual ~ServerGroup() = default;

  virtual int rank() const = 0;     ///< of this process among the workers
  virtual int workers() const = 0;  ///< processes
  /// This process ends well: the others need not take it for lost.
  virtual void leave() = 0;
  /// The connections of one replica of this process. Throws PeerError when
  /// servers are lost.
  virtual std::unique_ptr<server::Link> connect(int replica) = 0;
};

}  // namespace convoy
