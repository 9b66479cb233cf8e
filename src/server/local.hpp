#pragma once
// Servers in the workers' own process: requests are calls, and who calls does
// the server's work.
#include <condition_variable>
#include <memory>
#include <mutex>
#include <vector>

#include "server/link.hpp"
#include "server/shard_store.hpp"

namespace convoy::server {

class LocalServers {
 public:
  explicit LocalServers(std::uint32_t shards);
  ~LocalServers();
  /// A worker's link, which must not outlive this object.
  std::unique_ptr<Link> connect(std::uint32_t worker);
  /// All waits of all workers end with PeerError.
  void interrupt();

 private:
  class LocalLink;
  struct Server;
  std::vector<std::unique_ptr<Server>> servers_;
};

}  // namespace convoy::server
