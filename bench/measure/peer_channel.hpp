#pragma once
// How a worker has a contestant measured that needs a process of its own: Python's
// torch.distributed, or MPI under another mpirun. Each worker has such a process (a peer) beside it
// and sends it lines:
//
//   prepare NAME BYTES          -> ready SETTING      | failed WHY
//   time NAME BYTES OPERATIONS  -> SECONDS            | failed WHY
//
// over a socket in the file system, at which the peer first says which version it is. That reaches
// it in any network namespace, and lets it sleep while others are measured.
#include <chrono>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>

#include "bench/measure/party.hpp"
#include "core/descriptor.hpp"

namespace convoy::bench {

/// One end of the connection. Lines without their ends.
class PeerChannel {
 public:
  explicit PeerChannel(int fd) : fd_(fd) {}
  void send(const std::string& line) const;
  /// Nothing when the other end is gone.
  std::optional<std::string> receive();

 private:
  Descriptor fd_;
  std::string buffer_;
};

/// Where the peer of worker `rank` reaches it.
std::filesystem::path peer_path(const std::filesystem::path& folder, const std::string& group,
                                int rank);

/// A worker's side, before the peer is there.
class PeerListener {
 public:
  explicit PeerListener(const std::filesystem::path& path);
  /// Nothing when nobody came in time, or as soon as `hopeless` says so.
  std::unique_ptr<PeerChannel> accept(std::chrono::seconds patience,
                                      const std::function<bool()>& hopeless) const;

 private:
  Descriptor fd_;
};

/// The peer's side. Throws IoError.
std::unique_ptr<PeerChannel> connect_peer(const std::filesystem::path& path);

/// A contestant that a peer measures by the name `name`.
std::unique_ptr<Party> peer_party(std::shared_ptr<PeerChannel> channel, std::string name);

/// The peer's side of the conversation, until the worker hangs up: does what it says by `parties`.
void serve_peer(PeerChannel& channel, std::vector<Contestant>& contestants);

}  // namespace convoy::bench
