#pragma once
// Parameter servers as threads of a test, with their rendezvous, and requests to them.
#include <atomic>
#include <chrono>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "convoy/comm/rendezvous/rendezvous.hpp"
#include "convoy/core/error.hpp"
#include "server/network_server.hpp"
#include "server/server_group.hpp"
#include "server/shard.hpp"

namespace convoy::server::served {

// A rendezvous and servers as threads.
class Servers {
 public:
  /// `bind`: where they listen; empty: at local sockets.
  explicit Servers(std::string bind, int count, int backups = 0,
                   std::chrono::milliseconds offer_after = std::chrono::minutes(10))
      : bind_(std::move(bind)),
        rendezvous_({"127.0.0.1", 0, secret, {}}),
        count_(count),
        backups_(backups),
        offer_after_(offer_after) {
    const auto first = group(1000);  // makes the map
    first->leave();
    for (int s = 0; s < count; ++s) start(s);
  }
  ~Servers() {
    for (auto& server : servers_) {
      server->stop = true;
      if (server->thread.joinable()) server->thread.join();
    }
  }
  std::shared_ptr<ServerGroup> group(int rank, int workers = 1) {
    return join_servers({rank, workers, count_, backups_, at(), secret, std::chrono::seconds(20)});
  }
  Endpoint at() const { return {"127.0.0.1", rendezvous_.port()}; }
  /// As if it were killed: its connection to the rendezvous ends, and it answers nobody.
  void lose(int number) { servers_[static_cast<std::size_t>(number)]->stop = true; }
  void leave(int number) { servers_[static_cast<std::size_t>(number)]->leave = true; }
  std::string log() {
    const std::lock_guard lock(mutex_);
    return log_;
  }
  const NetworkServer& server(int number) {
    return *servers_[static_cast<std::size_t>(number)]->server;
  }
  bool says(const std::string& text) {
    const std::lock_guard lock(mutex_);
    return log_.find(text) != std::string::npos;
  }
  /// Waits until a server has said so; false if none does.
  bool come_to_say(const std::string& text) {
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(20);
    while (std::chrono::steady_clock::now() < deadline) {
      if (says(text)) return true;
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
    return false;
  }
  /// One more; its number is how many were started before.
  int start_another() {
    start(static_cast<int>(servers_.size()));
    return static_cast<int>(servers_.size()) - 1;
  }
  /// Waits until it ends by itself.
  void await_end(int number) { servers_[static_cast<std::size_t>(number)]->thread.join(); }
  const Secret secret{"the secret of these servers"};

 private:
  struct Running {
    std::unique_ptr<NetworkServer> server;
    std::atomic<bool> stop{false};
    std::atomic<bool> leave{false};
    std::thread thread;
  };
  void start(int number) {
    auto running = std::make_unique<Running>();
    NetworkServerOptions options{.number = number, .rendezvous = at(), .secret = secret};
    options.bind = bind_;
    options.timeout = std::chrono::seconds(20);
    options.offer_after = offer_after_;
    options.leave = &running->leave;
    options.log = [this, number](const std::string& line) {
      const std::lock_guard lock(mutex_);
      log_ += std::to_string(number) + " " + line + "\n";
    };
    running->server = std::make_unique<NetworkServer>(options);
    running->thread = std::thread([raw = running.get()] {
      try {
        raw->server->serve(raw->stop);
      } catch (const PeerError&) {
      }
      raw->server.reset();
    });
    servers_.push_back(std::move(running));
  }

  std::string bind_;
  RendezvousServer rendezvous_;
  int count_;
  int backups_;
  std::chrono::milliseconds offer_after_;
  std::mutex mutex_;
  std::string log_;
  std::vector<std::unique_ptr<Running>> servers_;
};

inline Message of(Kind kind, std::uint32_t shard = 0) {
  Message message;
  message.kind = kind;
  message.shard = shard;
  return message;
}

// A shard of one block of 16 elements, all 1, that sgd with rate 1 changes.
inline void begin(Link& link, std::uint32_t shard = 0) {
  Message hello = of(Kind::hello, shard);
  hello.text = "a job";
  link.call(hello);
  ShardPlan plan;
  plan.options.consistency = "async";
  plan.steps = 1000000;
  plan.optimizer.rate = 1;
  plan.counts = {16};
  Message planned = of(Kind::plan, shard);
  planned.text = plan.text();
  link.call(planned);
  const std::vector<float> ones(16, 1);
  Message load = of(Kind::load, shard);
  load.data = ones;
  link.call(load);
  link.call(of(Kind::ready, shard));
}

inline void push(Link& link, std::uint64_t task, float value, std::uint32_t shard = 0) {
  const std::vector<float> gradient(16, value);
  Message push = of(Kind::push, shard);
  push.task = task;
  push.lanes = {0, 1};
  push.data = gradient;
  link.call(push);
  Message apply = of(Kind::apply, shard);
  apply.task = task;
  apply.lanes = {0, 1};
  apply.rate = 1;
  link.call(apply);
}

inline std::pair<float, std::int64_t> weight(Link& link, std::uint32_t shard = 0) {
  Message pull = of(Kind::pull, shard);
  pull.count = 16;
  const Answer answer = link.call(pull);
  return {answer.message.data[3], answer.message.version};
}

// A socket that does what it wants.
struct Stranger {
  Stranger(const NetworkServer& server, const CurveKeys& keys)
      : socket(context, zmq::socket_type::dealer) {
    configure(socket);
    socket.set(zmq::sockopt::linger, 0);
    become_client(socket, keys, server.endpoint(), server.key());
    socket.connect(server.endpoint());
  }
  void say(Message message, std::uint64_t sequence) {
    message.sequence = sequence;
    message.worker = 77;
    message.request = sequence;
    send(socket, "", message);
  }
  void say_hello() {
    Message hello = of(Kind::hello);
    hello.text = "a job";
    say(hello, 1);
  }
  bool is_answered(std::chrono::milliseconds patience = std::chrono::milliseconds(300)) {
    zmq::pollitem_t item{socket.handle(), 0, ZMQ_POLLIN, 0};
    return zmq::poll(&item, 1, patience) > 0 && receive(socket, false).has_value();
  }
  zmq::context_t context;
  zmq::socket_t socket;
};

}  // namespace convoy::server::served
