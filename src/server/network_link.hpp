#pragma once
// A worker's connections to servers in other processes.
#include <atomic>
#include <chrono>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "server/directory.hpp"
#include "server/frames.hpp"
#include "server/link.hpp"

namespace convoy::server {

/// What a process' links share.
struct NetworkLinkOptions {
  std::shared_ptr<Directory> directory;
  std::shared_ptr<zmq::context_t> context;
  CurveKeys keys;  ///< the workers'
  std::uint64_t worker = 0;
  std::chrono::milliseconds timeout{300'000};
};

/// Requests that a lost server has not acknowledged are sent again to its backup.
class NetworkLink final : public Link {
 public:
  explicit NetworkLink(NetworkLinkOptions options);

  std::uint32_t shards() const override { return static_cast<std::uint32_t>(bytes_.size()); }
  std::uint64_t worker() const override { return options_.worker; }
  std::uint64_t start(Message request) override;
  Answer wait(std::uint64_t request) override;
  void interrupt() override { interrupted_ = true; }
  Bytes bytes(std::uint32_t shard) const override { return bytes_[shard]; }

 private:
  using Clock = std::chrono::steady_clock;
  struct Connection {
    zmq::socket_t socket;
    std::uint64_t sequence = 0;
    bool hello_sent = false;
  };
  struct Outstanding {
    Message request;  // without data
    zmq::message_t data;
    int server = -1;  // where it was sent to
  };

  Connection& connection(int server);
  int primary(std::uint32_t shard) const;
  void send_to(int server, Outstanding& entry);
  void receive_all(std::chrono::milliseconds patience);
  void take(int server, Received received);
  void look_around();

  NetworkLinkOptions options_;
  ShardMap map_;
  std::vector<Bytes> bytes_;
  std::map<int, Connection> connections_;
  std::string job_;  // of our hello, which each connection begins with
  std::uint64_t requests_ = 0;
  std::map<std::uint64_t, Outstanding> outstanding_;
  std::map<std::uint64_t, Answer> answers_;
  std::map<int, Clock::time_point> again_;  // when what a server did not take is sent again
  std::atomic<bool> interrupted_{false};
};

}  // namespace convoy::server
