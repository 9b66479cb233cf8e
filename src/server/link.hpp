#pragma once
// A worker's way to the servers: requests that are answered sooner or later.
#include <cstdint>
#include <memory>
#include <string>

#include "server/wire.hpp"

namespace convoy::server {

struct Answer {
  Message message;
  std::shared_ptr<const void> memory;  ///< of message.data
};

/// One worker's; used by one thread at a time, but for interrupt().
class Link {
 public:
  virtual ~Link() = default;
  virtual std::uint32_t shards() const = 0;
  /// This worker: its number in the upper half, in the lower what tells it from
  /// one that had the number before.
  virtual std::uint64_t worker() const = 0;
  /// Sends a request to its shard; its data may change when this returns. What
  /// it is to be waited for by. Requests to one shard arrive in the order in
  /// which they were sent.
  virtual std::uint64_t start(Message request) = 0;
  /// Throws RequestError when it was refused, PeerError when the shard is lost,
  /// TimeoutError.
  virtual Answer wait(std::uint64_t request) = 0;
  /// From any thread: all waits end with PeerError.
  virtual void interrupt() = 0;
  /// Payload bytes sent and received, by shard.
  struct Bytes {
    std::uint64_t sent = 0;
    std::uint64_t received = 0;
  };
  virtual Bytes bytes(std::uint32_t shard) const = 0;

  Answer call(Message request) { return wait(start(std::move(request))); }
};

}  // namespace convoy::server
