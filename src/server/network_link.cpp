#include "server/network_link.hpp"

#include <fmt/format.h>

namespace convoy::server {
namespace {

constexpr std::chrono::milliseconds wait_for_answers{20};
constexpr std::chrono::milliseconds again_after{20};

}  // namespace

NetworkLink::NetworkLink(NetworkLinkOptions options)
    : options_(std::move(options)), map_(options_.directory->map()), bytes_(map_.shards.size()) {}

int NetworkLink::primary(std::uint32_t shard) const {
  const int server = map_.shards.at(shard).primary;
  if (server >= 0) return server;
  throw PeerError(-1,
                  fmt::format("a parameter server was lost, and with it part {} of the weights; "
                              "strategy.backups: 1 keeps each part on two servers",
                              shard));
}

NetworkLink::Connection& NetworkLink::connection(int server) {
  const auto found = connections_.find(server);
  if (found != connections_.end()) return found->second;
  const ServerAddress at = options_.directory->address(server);
  zmq::socket_t socket(*options_.context, zmq::socket_type::dealer);
  configure(socket);
  become_client(socket, options_.keys, at.endpoint, at.key);
  socket.connect(at.endpoint);
  return connections_.emplace(server, Connection{std::move(socket)}).first->second;
}

std::uint64_t NetworkLink::start(Message request) {
  const std::uint64_t number = ++requests_;
  request.request = number;
  request.worker = options_.worker;
  if (request.kind == Kind::hello) job_ = request.text;
  Outstanding& entry = outstanding_[number];
  bytes_[request.shard].sent += payload_bytes(request);
  entry.data = zmq::message_t(request.data.data(), request.data.size_bytes());
  request.data = {};
  entry.request = std::move(request);
  send_to(primary(entry.request.shard), entry);
  return number;
}

void NetworkLink::send_to(int server, Outstanding& entry) {
  Connection& to = connection(server);
  if (!to.hello_sent && entry.request.kind != Kind::hello) {
    Message hello;
    hello.kind = Kind::hello;
    hello.worker = options_.worker;
    hello.shard = entry.request.shard;
    hello.text = job_;
    hello.sequence = ++to.sequence;
    send(to.socket, "", hello);
  }
  to.hello_sent = true;
  entry.server = server;
  entry.request.sequence = ++to.sequence;
  entry.request.generation = map_.generation;
  zmq::message_t data;
  data.copy(entry.data);
  entry.request.data = {entry.data.data<float>(), entry.data.size() / sizeof(float)};
  send(to.socket, entry.request, data);
  entry.request.data = {};
}

Answer NetworkLink::wait(std::uint64_t number) {
  const auto deadline = Clock::now() + options_.timeout;
  while (true) {
    const auto found = answers_.find(number);
    if (found != answers_.end()) {
      Answer answer = std::move(found->second);
      answers_.erase(found);
      if (answer.message.kind == Kind::error) throw RequestError(answer.message.text);
      return answer;
    }
    if (interrupted_) throw PeerError(-1, "another worker of this process failed");
    options_.directory->require_not_lost();
    if (Clock::now() > deadline)
      throw TimeoutError(-1, fmt::format("the parameter servers did not answer for {} s; "
                                         "strategy.timeout says how long they may take",
                                         options_.timeout.count() / 1000));
    look_around();
    receive_all(wait_for_answers);
  }
}

void NetworkLink::receive_all(std::chrono::milliseconds patience) {
  std::vector<zmq::pollitem_t> items;
  for (auto& [server, connected] : connections_)
    items.push_back({connected.socket.handle(), 0, ZMQ_POLLIN, 0});
  wait_for(items, patience);
  for (auto& [server, connected] : connections_) {
    while (auto received = receive(connected.socket, /*routed=*/false))
      take(server, std::move(*received));
  }
}

void NetworkLink::take(int server, Received received) {
  if (!received.problem.empty()) throw PeerError(-1, "a parameter server's " + received.problem);
  const Message& m = received.answer.message;
  const auto found = outstanding_.find(m.request);
  // Answered before by another server, or asked of another one since: this one may be out of date.
  if (found == outstanding_.end() || found->second.server != server) return;
  if (m.kind == Kind::error && m.has(Flag::moved)) {
    again_.emplace(found->second.server, Clock::now() + again_after);
    return;
  }
  bytes_[found->second.request.shard].received += payload_bytes(m);
  outstanding_.erase(found);
  answers_.emplace(m.request, std::move(received.answer));
}

// Where shards have moved to another server, or a server asked for patience, what is not answered
// is sent once more, in order.
void NetworkLink::look_around() {
  const auto now = Clock::now();
  std::map<int, bool> resend;
  for (auto entry = again_.begin(); entry != again_.end();) {
    if (entry->second > now) {
      ++entry;
      continue;
    }
    resend[entry->first] = true;
    connections_.at(entry->first).hello_sent = false;
    entry = again_.erase(entry);
  }
  const bool moved = map_.generation != options_.directory->generation();
  if (moved) map_ = options_.directory->map();
  if (!moved && resend.empty()) return;
  for (auto& [number, entry] : outstanding_) {
    const int server = primary(entry.request.shard);
    if (server != entry.server || resend.contains(server)) send_to(server, entry);
  }
  for (auto& [server, connected] : connections_)
    if (!map_.has(server)) connected.socket.set(zmq::sockopt::linger, 0);
}

}  // namespace convoy::server
